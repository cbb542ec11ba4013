# shellcheck shell=sh
# Asks a service of this guest, with nothing but what Debian's minimal system has: perl-base.

# ask_http PORT PATH [HEADER SECRET]: prints the body of a 2xx answer. Else it says why not on stderr, and
# ends with 1 when nothing listens, 2 without an answer within 4 s, 3 on any other answer.
ask_http() {
    perl -MIO::Socket::INET -e '
        my ($port, $path, $header, $secret) = @ARGV;
        $SIG{ALRM} = sub { print STDERR "no answer on port $port within 4 s\n"; exit 2 };
        alarm 4;
        my $socket = IO::Socket::INET->new(PeerAddr => "127.0.0.1", PeerPort => $port)
            or do { print STDERR "nothing listens on port $port\n"; exit 1 };
        my $extra = "";
        if ($secret) {
            open my $file, "<", $secret or die "cannot read $secret: $!\n";
            chomp($extra = <$file>);
            $extra = "$header: $extra\r\n";
        }
        print $socket "GET $path HTTP/1.0\r\nHost: localhost:$port\r\n$extra\r\n";
        local $/;
        my ($head, $body) = split /\r?\n\r?\n/, (<$socket> // ""), 2;
        my ($status) = ($head // "") =~ m{^HTTP/\S+ (\d+)};
        if (($status // "") !~ /^2/) {
            print STDERR "port $port answers $path with " . ($status // "no HTTP") . "\n";
            exit 3;
        }
        print $body // "";
    ' "$@"
}

# post_http PORT PATH SECONDS <BODY: prints the body of a 2xx answer to this JSON; else as ask_http.
post_http() {
    perl -MIO::Socket::INET -e '
        my ($port, $path, $seconds) = @ARGV;
        local $/;
        my $text = <STDIN>;
        $SIG{ALRM} = sub { print STDERR "no answer on port $port within $seconds s\n"; exit 2 };
        alarm $seconds;
        my $socket = IO::Socket::INET->new(PeerAddr => "127.0.0.1", PeerPort => $port)
            or do { print STDERR "nothing listens on port $port\n"; exit 1 };
        my $length = length $text;
        print $socket "POST $path HTTP/1.0\r\nHost: localhost:$port\r\nContent-Type: application/json\r\n"
            . "Content-Length: $length\r\n\r\n$text";
        my ($head, $body) = split /\r?\n\r?\n/, (<$socket> // ""), 2;
        my ($status) = ($head // "") =~ m{^HTTP/\S+ (\d+)};
        if (($status // "") !~ /^2/) {
            print STDERR "port $port answers $path with " . ($status // "no HTTP") . "\n";
            exit 3;
        }
        print $body // "";
    ' "$@"
}

# check_http PORT PATH WHAT: for check.sh.
check_http() {
    phoenix_answer=$(ask_http "$1" "$2" 2>&1 >/dev/null) || broken "$3 does not answer: $phoenix_answer"
}
