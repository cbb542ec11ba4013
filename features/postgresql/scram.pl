# Turns a password into what PostgreSQL stores of it (RFC 5802, RFC 7677), so that the password itself
# never reaches the server or its log. Reads two lines, what is stored now and the password, and
# prints the same as what is stored when the password is that one.
use strict;
use warnings;
use Digest::SHA qw(hmac_sha256 sha256);
use MIME::Base64 qw(decode_base64 encode_base64);

chomp(my $stored = <STDIN> // "");
chomp(my $password = <STDIN> // "");
# Others would have to be normalised first (SASLprep).
exit 1 unless $password =~ /^[\x20-\x7e]+$/;

my ($rounds, $salt);
if ($stored =~ /^SCRAM-SHA-256\$(\d+):([^\$]+)\$/) {
    ($rounds, $salt) = ($1, decode_base64($2));
} else {
    open(my $random, "<:raw", "/dev/urandom") or die "no random numbers: $!\n";
    $rounds = 4096;
    read($random, $salt, 16) == 16 or die "no random numbers\n";
}

my $block = my $salted = hmac_sha256($salt . pack("N", 1), $password);
for (2 .. $rounds) {
    $block = hmac_sha256($block, $password);
    $salted ^= $block;
}
printf "SCRAM-SHA-256\$%d:%s\$%s:%s\n", $rounds, map { encode_base64($_, "") } $salt,
    sha256(hmac_sha256("Client Key", $salted)), hmac_sha256("Server Key", $salted);
