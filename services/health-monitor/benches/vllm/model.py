# Makes a model without weights, large enough to be kept busy; what it speaks is nonsense, as any random one's.
import sys

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, PreTrainedTokenizerFast

folder = sys.argv[1]
tokenizer = Tokenizer(models.BPE())
tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
tokenizer.decoder = decoders.ByteLevel()
words = ["a guest is taken through its steps one by one", "whoever is killed goes on where it stood"]
trainer = trainers.BpeTrainer(
    vocab_size=356, special_tokens=["<s>", "</s>"], initial_alphabet=pre_tokenizers.ByteLevel.alphabet()
)
tokenizer.train_from_iterator(words, trainer)
fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>")
fast.save_pretrained(folder)
config = LlamaConfig(
    vocab_size=len(fast), hidden_size=1024, intermediate_size=2816, num_hidden_layers=12,
    num_attention_heads=16, num_key_value_heads=16, max_position_embeddings=512,
    bos_token_id=0, eos_token_id=1, architectures=["LlamaForCausalLM"],
)
config.save_pretrained(folder)
