//! Which texts are hashes of passwords, of the kinds that are strong enough.

/// Says whether a text is one, as crypt(3) writes them: yescrypt, SHA-512, SHA-256 or bcrypt.
pub(super) fn is_strong(text: &str) -> bool {
    let Some((kind, rest)) = text.strip_prefix('$').and_then(|text| text.split_once('$')) else {
        return false;
    };
    match kind {
        "6" => is_sha(rest, 86),
        "5" => is_sha(rest, 43),
        "y" => {
            let parts: Vec<_> = rest.split('$').collect();
            matches!(parts[..], [cost, salt, sum]
                if is_made_of_ours(cost) && is_made_of_ours(salt) && sum.len() == 43 && is_made_of_ours(sum))
        }
        "2b" => {
            let cost = rest.split_once('$');
            cost.is_some_and(|(cost, sum)| {
                cost.len() == 2
                    && cost.parse::<u8>().is_ok_and(|cost| (10..=31).contains(&cost))
                    && sum.len() == 53
                    && is_made_of_ours(sum)
            })
        }
        _ => false,
    }
}

fn is_sha(rest: &str, length: usize) -> bool {
    let rest = match rest.strip_prefix("rounds=") {
        Some(rest) => match rest.split_once('$') {
            Some((rounds, rest)) if rounds.parse::<u32>().is_ok_and(|rounds| rounds >= 1000) => {
                rest
            }
            Some(_) | None => return false,
        },
        None => rest,
    };
    rest.split_once('$').is_some_and(|(salt, sum)| {
        (8..=16).contains(&salt.len())
            && is_made_of_ours(salt)
            && sum.len() == length
            && is_made_of_ours(sum)
    })
}

/// The 64 letters of crypt(3).
fn is_made_of_ours(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strong_hashes_pass_and_nothing_else_does() {
        let (s86, s53, s43) = ("x".repeat(86), "x".repeat(53), "x".repeat(43));
        for hash in [
            format!("$6$saltsalt${s86}"),
            format!("$6$rounds=656000$saltsalt${s86}"),
            format!("$5$saltsalt${s43}"),
            format!("$y$j9T$F5Jx5fExrKuPp53xLKQ..1${s43}"),
            format!("$2b$12${s53}"),
        ] {
            assert!(is_strong(&hash), "{hash}");
        }
        for text in [
            String::new(),
            "hunter2".to_owned(),
            "$6$hunter2".to_owned(),
            "$1$saltsalt$xxxxxxxxxxxxxxxxxxxxxx".to_owned(),
            "abJnggxhB/yWI".to_owned(),
            format!("$6$saltsalt${s43}"),
            format!("$6$saltsalt${s86}\n"),
            format!("$6$rounds=1$saltsalt${s86}"),
            format!("$2b$04${s53}"),
            format!("!$6$saltsalt${s86}"),
            format!("$6$sa:tsalt${s86}"),
            "*".to_owned(),
        ] {
            assert!(!is_strong(&text), "{text}");
        }
    }
}
