#!/usr/bin/perl
# Doubles of what a Proxmox node has and a Debian has not. They take what those take, and refuse all
# else; what they are told is kept in /var/lib/doubles, and every call is a line of its log.
use strict;
use warnings;
use Fcntl qw(:flock);

# What is inherited stays open in what is started in its place.
BEGIN { $^F = 255; }

my $dir = "/var/lib/doubles";
my ($name) = $0 =~ m{([^/]+)$};
my @args = @ARGV;
my $lock;
log_line(join(" ", $name, @args));
# What a command starts in its turn ends with it.
strike() if -e "$dir/strike" && $name !~ /^(curl|nvidia-installer)$/ && is_change();

sub log_line {
    open(my $log, ">>", "$dir/calls") or die "$!";
    print $log "$_[0]\n";
    close $log;
}

# Says whether this is a change: what changes something inherits the lock that it works under.
sub is_change {
    open($lock, "<&=", 3) or return 0;
    my (@here, @there) = ();
    @here = stat($lock);
    @there = stat("/var/lib/phoenix/setup/lock");
    return @here && @there && "@here[0, 1]" eq "@there[0, 1]";
}

# Kills whoever started this, twice for each command: once it dies with it, and once it is left and
# does its work when the test opens the gate.
sub strike {
    (my $call = join(" ", $name, @args)) =~ s/\n/ /g;
    my %struck = map { $_ => 1 } lines("$dir/struck");
    my ($how) = grep { !$struck{"$_ $call"} } "with it", "left" or return;
    open(my $struck, ">>", "$dir/struck") or die "$!";
    print $struck "$how $call\n";
    close $struck;
    kill 9, getppid();
    exit 137 if $how eq "with it";
    open(my $gate, "<", "$dir/strike") or die "$!";
    flock($gate, LOCK_SH) or die "$!";
}

sub refuse {
    print STDERR "$name: $_[0]\n";
    exit 255;
}

sub slurp {
    my ($path) = @_;
    open(my $file, "<", $path) or return "";
    local $/;
    my $text = <$file>;
    return defined $text ? $text : "";
}

sub put {
    my ($path, $text) = @_;
    open(my $file, ">", "$path.new") or die "$path: $!";
    print $file $text;
    close $file;
    rename("$path.new", $path) or die "$!";
}

sub lines { return grep { length } split(/\n/, slurp($_[0])); }

# Takes the options out of the arguments: what is not in the list is refused, as the real ones do.
sub options {
    my ($known, @words) = @_;
    my (%found, @rest);
    while (@words) {
        my $word = shift @words;
        if ($word =~ /^--?([a-z_-]+)$/ && $word ne "--") {
            refuse("Unknown option: $1") unless exists $known->{$1};
            refuse("Option $1 requires an argument") unless @words;
            push @{ $found{$1} }, shift @words;
        } else {
            push @rest, $word unless $word eq "--";
        }
    }
    return (\%found, @rest);
}

my %do = (
    zpool => \&zpool, zfs => \&zfs, lsblk => \&lsblk, wipefs => \&wipefs, pvesm => \&pvesm,
    pveum => \&pveum, pvesh => \&pvesh, pveversion => sub { print "pve-manager/8.4.1/x (running kernel: 6.8.12-9-pve)\n" },
    "apt-get" => \&apt, "update-initramfs" => sub { refuse("usage") unless "@args" eq "-u -k all" },
    "nvidia-smi" => \&nvidia_smi, modinfo => \&modinfo, uname => sub { print "6.8.12-9-pve\n" },
    "systemd-run" => \&systemd_run, ifreload => \&ifreload, ip => \&ip, ping => \&ping, systemctl => \&systemctl,
    "pve-firewall" => sub { return compile() if "@args" eq "compile"; refuse("usage") unless "@args" eq "status"; print "Status: ", (slurp("/etc/pve/firewall/cluster.fw") =~ /^enable: 1/m ? "enabled/running" : "disabled/running"), "\n" },
    "proxmox-boot-tool" => sub { refuse("usage") unless "@args" eq "refresh" },
    "update-grub" => sub { refuse("usage") if @args },
    curl => sub { my ($at) = grep { $args[$_] eq "--output" } 0 .. $#args; put($args[$at + 1], "#!/bin/sh\n[ \"\$1\" = --check ] && exit 0\nexec nvidia-installer \"\$@\"\n"); },
    "nvidia-installer" => sub { my ($v) = slurp("$dir/nvidia-next") =~ /(\S+)/; put("$dir/nvidia", "$v\n"); },
);
($do{$name} || \&real)->();
exit 0;

# The host's own program of this name.
sub real {
    for my $folder (qw(/usr/sbin /usr/bin /sbin /bin)) {
        exec "$folder/$name", @args if -x "$folder/$name";
    }
    refuse("no such double");
}

sub zpool {
    my $verb = shift @args || "";
    if ($verb eq "list") {
        refuse("invalid option") unless "@args" eq "-H -o name";
        opendir(my $pools, "$dir/pools") or exit 0;
        print "$_\n" for sort grep { !/^\./ } readdir $pools;
    } elsif ($verb eq "import") {
        print slurp("$dir/importable");
    } elsif ($verb eq "status" && "@args" =~ /^(-P|-x) ([\w-]+)$/) {
        my $pool = "$dir/pools/$2";
        refuse("cannot open '$2': no such pool") unless -e $pool;
        if ($1 eq "-x") {
            print slurp($pool) =~ /DEGRADED/ ? "  pool: $2\n state: DEGRADED\n" : "pool '$2' is healthy\n";
            return;
        }
        print "  pool: $2\n state: ONLINE\nconfig:\n\n\tNAME STATE READ WRITE CKSUM\n\t$2 ONLINE 0 0 0\n";
        print "\t  $_-part1 ONLINE 0 0 0\n" for grep { m{^/} } split(/\s+/, slurp($pool));
        print "\nerrors: No known data errors\n";
    } elsif ($verb eq "create") {
        my ($found, $pool, @disks) = options({ o => 1, O => 1 }, map { $_ eq "-O" ? "-o" : $_ } @args);
        refuse("invalid pool name") unless $pool =~ /^[A-Za-z][\w.-]*$/ && $pool !~ /^(mirror|raidz)/;
        my $level = $disks[0] =~ m{^/} ? "" : shift @disks;
        refuse("invalid vdev type '$level'") unless $level =~ /^(|mirror|raidz[123])$/;
        refuse("mirror requires at least 2 devices") if $level eq "mirror" && @disks < 2;
        for my $disk (@disks) {
            refuse("cannot open '$disk': no such device") unless -e $disk;
            my ($id) = $disk =~ m{([^/]+)$};
            refuse("'$disk' is in use; use '-f' to override") if slurp("$dir/disks/$id") =~ /\S/;
        }
        for my $disk (@disks) {
            my ($id) = $disk =~ m{([^/]+)$};
            put("$dir/disks/$id", "$disk-part1 zfs_member $pool -\n");
        }
        put("$dir/pools/$pool", join(" ", $level, @disks) . "\n");
        put("$dir/zfs/$pool", "mounted\tyes\n");
    } else {
        refuse("unrecognized command '$verb @args'");
    }
}

sub bytes {
    my ($value) = @_;
    return 0 if $value eq "none";
    return $value unless $value =~ /^([\d.]+)([KMGT])$/;
    return int($1 * 1024**{ K => 1, M => 2, G => 3, T => 4 }->{$2});
}

sub zfs {
    my $verb = shift @args || "";
    my $file = sub { my ($set) = @_; $set =~ s{/}{%}g; return "$dir/zfs/$set"; };
    my %known = map { $_ => 1 } qw(mountpoint compression recordsize quota reservation atime sync canmount acltype xattr);
    my $checked = sub {
        my ($key, $value) = $_[0] =~ /^([a-z]+)=(.+)$/ or refuse("missing '=' for property argument");
        refuse("bad property list: invalid property '$key'") unless $known{$key};
        refuse("bad value '$value'") if $key =~ /quota|reservation|recordsize/ && bytes($value) !~ /^\d+$/;
        return ($key, $key =~ /quota|reservation|recordsize/ ? bytes($value) : $value);
    };
    if ($verb eq "list" && "@args" eq "-H -o name") {
        opendir(my $sets, "$dir/zfs") or exit 0;
        for (sort grep { !/^\./ } readdir $sets) { s{%}{/}g; print "$_\n"; }
    } elsif ($verb eq "create" && $args[0] eq "-p") {
        my ($found, $set, @more) = options({ o => 1 }, @args[1 .. $#args]);
        refuse("too many arguments") if @more;
        my ($pool) = $set =~ m{^([^/]+)/} or refuse("missing dataset argument");
        refuse("cannot create '$set': no such pool '$pool'") unless -e "$dir/pools/$pool";
        my %set = (mounted => "yes", canmount => "on", compression => "lz4", quota => 0);
        for (@{ $found->{o} }) { my ($key, $value) = $checked->($_); $set{$key} = $value; }
        put($file->($set), join("", map { "$_\t$set{$_}\n" } sort keys %set));
        system("mkdir", "-p", $set{mountpoint}) if $set{mountpoint};
    } elsif ($verb eq "get" && "@args" =~ /^-H -p -o property,value all (\S+)$/) {
        refuse("cannot open '$1': dataset does not exist") unless -e $file->($1);
        print slurp($file->($1));
    } elsif ($verb eq "get" && "@args" =~ /^-H -o value mounted (\S+)$/) {
        print slurp($file->($1)) =~ /^mounted\t(\w+)/m ? "$1\n" : refuse("cannot open '$1'");
    } elsif ($verb eq "set" && "@args" =~ m{^volsize=(\d+) (\S+/vm-[\w.-]+)$}) {
        my ($bytes, $volume) = ($1, $2);
        my $old = slurp($file->($volume)) =~ /^volsize\t(\d+)$/m ? $1 : refuse("cannot open '$volume': dataset does not exist");
        refuse("cannot set property for '$volume': this double destroys nothing") if $bytes < $old;
        refuse("cannot set property for '$volume': 'volsize' must be a multiple of volume block size (16K)") if $bytes % 16384;
        put($file->($volume), "volsize\t$bytes\n");
    } elsif ($verb eq "set" && @args == 2) {
        my ($key, $value) = $checked->($args[0]);
        my $text = slurp($file->($args[1])) || refuse("cannot open '$args[1]'");
        $text =~ s/^$key\t.*\n//m;
        put($file->($args[1]), "$text$key\t$value\n");
    } elsif ($verb eq "mount" && @args == 1) {
        my $text = slurp($file->($args[0])) || refuse("cannot open '$args[0]'");
        $text =~ s/^mounted\tno/mounted\tyes/m;
        put($file->($args[0]), $text);
    } else {
        refuse("unrecognized command '$verb @args'");
    }
}

# A disk is a file of lines: device, type, label, where it is mounted.
sub disk {
    my ($path) = @_;
    my ($id) = $path =~ m{([^/]+)$};
    return undef unless -e $path;
    return [map { [split / /] } lines("$dir/disks/$id")];
}

sub json { return !defined $_[0] || $_[0] eq "-" ? "null" : "\"$_[0]\""; }

sub lsblk {
    my $disk = pop @args;
    refuse("unrecognized option") unless "@args" eq "--json --paths --output NAME,TYPE,FSTYPE,LABEL,MOUNTPOINTS";
    my $found = disk($disk);
    unless ($found) { print STDERR "lsblk: $disk: not a block device\n"; exit 32; }
    my @parts = grep { $_->[0] ne $disk } @$found;
    my ($whole) = grep { $_->[0] eq $disk } @$found;
    my $entry = sub { my ($of, $more) = @_; return "{\"name\":\"$of->[0]\",\"type\":\"x\",\"fstype\":" . json($of->[1]) . ",\"label\":" . json($of->[2]) . ",\"mountpoints\":[" . json($of->[3]) . "]$more}"; };
    my $children = @parts ? ",\"children\":[" . join(",", map { $entry->($_, "") } @parts) . "]" : "";
    print "{\"blockdevices\":[", $entry->($whole || [$disk, "-", "-", "-"], $children), "]}\n";
}

sub wipefs {
    if ("@args" =~ m{^--no-act --json (\S+)$}) {
        my $disk = $1;
        my $found = disk($disk) or refuse("error: $disk: probing initialization failed");
        my @own = grep { $_->[0] eq $disk } @$found;
        my @signed = ((map { "{\"type\":\"$_->[1]\"}" } @own), @$found > @own ? "{\"type\":\"gpt\"}" : ());
        print "{\"signatures\":[", join(",", @signed), "]}\n" if @signed;
    } elsif ("@args" =~ m{^--all -- (.+)$}) {
        for my $device (split / /, $1) {
            next unless $device =~ m{^/dev/disk/by-id/([^/]+)$} && -e $device;
            put("$dir/disks/$1", "");
        }
    } else {
        refuse("unrecognized option");
    }
}

sub pvesm {
    my $verb = shift @args || "";
    my $file = "/etc/pve/storage.cfg";
    my $content = sub { for (split /,/, $_[0]) { refuse("content: invalid '$_'") unless /^(images|rootdir|iso|vztmpl|backup|snippets)$/; } };
    if ($verb eq "add") {
        my ($type, $id) = (shift @args, shift @args);
        my %known = $type eq "zfspool" ? (pool => 1, content => 1, sparse => 1) : $type eq "dir" ? (path => 1, content => 1, is_mountpoint => 1) : refuse("type: invalid '$type'");
        refuse("storage: invalid format") unless $id =~ /^[a-z][a-z0-9\-_.]*[a-z0-9]$/i;
        my ($found, @rest) = options(\%known, @args);
        refuse("too many arguments") if @rest;
        $content->($found->{content}[0]);
        my $text = slurp($file);
        refuse("create storage failed: storage ID '$id' already defined") if $text =~ /^\w+: \Q$id\E$/m;
        put($file, "$text$type: $id\n" . join("", map { "\t$_ $found->{$_}[0]\n" } sort keys %$found) . "\n");
    } elsif ($verb eq "set") {
        my ($found, $id, @rest) = options({ content => 1 }, @args);
        $content->($found->{content}[0]);
        my $text = slurp($file);
        $text =~ s/^(\w+: \Q$id\E\n(?:\t.*\n)*?\tcontent) .*$/$1 $found->{content}[0]/m or refuse("storage '$id' does not exist");
        put($file, $text);
    } elsif ($verb eq "alloc" && @args == 4) {
        my ($id, $vmid, $volume, $size) = @args;
        my ($set) = slurp($file) =~ /^zfspool: \Q$id\E\n(?:\t.*\n)*?\tpool (\S+)$/m or refuse("storage '$id' does not exist");
        refuse("400 Parameter verification failed.") unless $vmid =~ /^[1-9]\d{2,8}$/ && $size =~ /^\d+[MG]?$/;
        refuse("illegal name '$volume' - should be 'vm-$vmid-*'") unless $volume =~ /^vm-$vmid-\S+$/;
        my $factor = $size =~ s/G$// ? 1 << 30 : $size =~ s/M$// ? 1 << 20 : 1 << 10;
        (my $kept = "$set/$volume") =~ s{/}{%}g;
        refuse("zfs error: cannot create '$set/$volume': dataset already exists") if -e "$dir/zfs/$kept";
        put("$dir/zfs/$kept", "volsize\t" . $size * $factor . "\n");
        print "Formatting '/dev/zvol/$set/$volume'\nsuccessfully created '$id:$volume'\n";
    } elsif ($verb eq "list" && "@args" =~ /^(\S+) --vmid (\d+)$/) {
        my ($id, $vmid) = ($1, $2);
        my ($own) = slurp($file) =~ /^zfspool: \Q$id\E\n((?:\t.*\n)+)/m or refuse("storage '$id' does not exist");
        my ($set) = $own =~ /^\tpool (\S+)$/m;
        print "Volid Format  Type             Size VMID\n";
        # A volume of no guest is an image: where there are none, it is not listed.
        return unless $own =~ /^\tcontent .*\bimages\b/m;
        (my $prefix = "$set/vm-$vmid-") =~ s{/}{%}g;
        opendir(my $all, "$dir/zfs");
        for my $kept (sort grep { index($_, $prefix) == 0 } readdir $all) {
            my ($volume) = $kept =~ /([^%]+)$/;
            my ($bytes) = slurp("$dir/zfs/$kept") =~ /^volsize\t(\d+)$/m;
            print "$id:$volume raw     images $bytes $vmid\n";
        }
    } elsif ($verb eq "status" && !@args) {
        print "Name Type Status Total Used Available %\n";
        my $text = slurp($file);
        print "$2 $1 active 1 1 1 0.00%\n" while $text =~ /^(\w+): (\S+)$/mg;
    } else {
        refuse("unknown command '$verb'");
    }
}

sub pveum {
    my $call = "@args";
    if ($call eq "user list --output-format json") {
        print "[", join(",", map { "{\"userid\":\"$_\"}" } "root\@pam", lines("$dir/pve-users")), "]\n";
    } elsif ($call eq "acl list --output-format json") {
        print "[", join(",", map { "{\"path\":\"/\",\"roleid\":\"Administrator\",\"type\":\"user\",\"ugid\":\"$_\"}" } lines("$dir/pve-acls")), "]\n";
    } elsif ($call =~ /^user add (\S+\@pam) --comment /) {
        refuse("create user failed: user '$1' already exists") if grep { $_ eq $1 } lines("$dir/pve-users");
        put("$dir/pve-users", slurp("$dir/pve-users") . "$1\n");
    } elsif ($call =~ /^acl modify \/ --users (\S+) --roles Administrator$/) {
        refuse("user '$1' does not exist") unless grep { $_ eq $1 } lines("$dir/pve-users");
        put("$dir/pve-acls", slurp("$dir/pve-acls") . "$1\n");
    } else {
        refuse("unknown command '$call'");
    }
}

# Each object of the SDN is a file of `key<tab>value`; what is not applied is listed in a file.
sub pvesh {
    my ($verb, $path, @words) = @args;
    my $kept = sub { my ($at) = @_; $at =~ s{/}{%}g; return "$dir/sdn/$at"; };
    my $wait = sub { put("$dir/sdn-pending", join("", map { "$_\n" } lines("$dir/sdn-pending"), $_[0])); };
    my %known = (zones => { map { $_ => 1 } qw(zone type ipam dhcp) }, vnets => { map { $_ => 1 } qw(vnet zone alias) },
        subnets => { map { $_ => 1 } qw(subnet type gateway snat dhcp-range dhcp-dns-server) });
    $path =~ m{^/cluster/sdn(?:/(zones|vnets)(?:/(\w+))?(?:/(subnets)(?:/(.+))?)?)?$} or refuse("No '$verb' handler defined for '$path'");
    my ($kind, $id, $subnets, $subnet) = ($1, $2, $3, $4);
    my $of = $subnets || $kind;
    if ($verb eq "set" && !defined $kind) {
        refuse("too many arguments") if @words;
        put("$dir/sdn-pending", "");
        return;
    }
    if ($verb eq "get") {
        refuse("Unknown option") unless "@words" =~ /^(--pending 1 )?--output-format json$/;
        my $pending = $1;
        refuse("sdn vnet '$id' does not exist") if $subnets && !-e $kept->("vnets/$id");
        my $prefix = $subnets ? "subnets%$id%" : "$kind%";
        opendir(my $all, "$dir/sdn");
        my @objects;
        for my $file (sort grep { index($_, $prefix) == 0 } readdir $all) {
            my @pairs;
            for (lines("$dir/sdn/$file")) {
                my ($key, $value) = split /\t/;
                if ($key eq "dhcp-range") {
                    my @ranges = map { my ($from, $to) = /^start-address=(.+),end-address=(.+)$/; "{\"start-address\":\"$from\",\"end-address\":\"$to\"}" } split / /, $value;
                    push @pairs, "\"$key\":[" . join(",", @ranges) . "]";
                } else {
                    push @pairs, "\"$key\":" . ($value =~ /^\d+$/ ? $value : "\"$value\"");
                }
            }
            push @pairs, "\"state\":\"new\"" if $pending && grep { $_ eq $file } lines("$dir/sdn-pending");
            push @objects, "{" . join(",", @pairs) . "}";
        }
        print "[", join(",", @objects), "]\n";
        return;
    }
    my ($found, @rest) = options($known{$of}, @words);
    refuse("too many arguments") if @rest;
    my $file;
    if ($verb eq "create") {
        if ($of eq "subnets") {
            refuse("sdn vnet '$id' does not exist") unless -e $kept->("vnets/$id");
            my ($zone) = slurp($kept->("vnets/$id")) =~ /^zone\t(.+)$/m;
            $found->{cidr} = [$found->{subnet}[0]];
            (my $name = "$zone-$found->{subnet}[0]") =~ s{/}{-};
            $found->{subnet} = [$name];
            $file = $kept->("subnets/$id/$name");
        } else {
            my $key = $of eq "zones" ? "zone" : "vnet";
            my $new = $found->{$key}[0];
            refuse("$key: invalid format - value does not look like a valid ID") unless $new =~ /^[a-z][a-z0-9]{1,7}$/i;
            refuse("sdn zone '$found->{zone}[0]' does not exist") if $of eq "vnets" && !-e $kept->("zones/$found->{zone}[0]");
            $file = $kept->("$of/$new");
        }
        refuse("sdn object already defined") if -e $file;
    } elsif ($verb eq "set") {
        $file = $of eq "subnets" ? $kept->("subnets/$id/$subnet") : $kept->("$of/$id");
        refuse("sdn object does not exist") unless -e $file;
        for (lines($file)) { my ($key, $value) = split /\t/; $found->{$key} ||= [$value]; }
    } else {
        refuse("unknown command '$verb'");
    }
    put($file, join("", map { "$_\t@{ $found->{$_} }\n" } sort keys %$found));
    my ($base) = $file =~ m{([^/]+)$};
    $wait->($base);
}

sub apt {
    # With a repository of its own, apt itself answers what would be upgraded, and does it.
    real() if "@args" =~ /dist-upgrade/ && -e "$dir/repository";
    my $call = "@args";
    $call =~ s/^(-o [\w:]+=\d+ )*//;
    if ($call eq "--simulate dist-upgrade") {
        print "Reading package lists...\n";
        for (lines("$dir/upgrades")) {
            my ($package, $old, $new) = split / /;
            print "Inst $package [$old] ($new Double:1/stable [amd64])\nConf $package ($new Double:1/stable [amd64])\n";
        }
        return;
    }
    return put("$dir/upgrades", "") if $call eq "-o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold dist-upgrade -y";
    return if $call eq "update" && put("/var/lib/apt/lists/double_Packages", "") || $call eq "update";
    if ($call =~ /^install -y --no-install-recommends -- (.+)$/ || $call =~ /^install -y -- (.+)$/) {
        for (split / /, $1) {
            refuse("E: Unable to locate package $_") unless /^(samba|sudo|chrony|s-tui|dnsmasq|nfs-kernel-server|apparmor|build-essential|proxmox-headers-.*)$/;
            my $text = slurp("/var/lib/dpkg/status");
            put("/var/lib/dpkg/status", "$text\nPackage: $_\nStatus: install ok installed\nMaintainer: x\nArchitecture: all\nVersion: 1\nDescription: x\n") unless $text =~ /^Package: \Q$_\E$/m;
            system("mkdir", "-p", "/lib/modules/6.8.12-9-pve/build") if /^proxmox-headers/;
        }
        return;
    }
    refuse("E: Invalid operation $call");
}

sub nvidia_smi {
    my $loaded = slurp("/sys/module/nvidia/version");
    if ($loaded eq "") { print "NVIDIA-SMI has failed\n"; exit 9; }
    print $loaded;
}

sub modinfo {
    if ("@args" eq "--field version zfs") { print slurp("$dir/zfs-driver"); return; }
    refuse("usage") unless "@args" eq "--field version nvidia";
    my $version = slurp("$dir/nvidia");
    if ($version eq "") { print STDERR "modinfo: ERROR: Module nvidia not found.\n"; exit 1; }
    print $version;
}

sub systemd_run {
    my ($after, $unit);
    while (@args && $args[0] =~ /^-/) {
        my $word = shift @args;
        if ($word =~ /^--on-active=\d+$/) { $after = 1 }
        elsif ($word eq "--unit") { $unit = shift @args }
        elsif ($word eq "--collect") { }
        elsif ($word eq "--") { last }
        else { refuse("unrecognized option '$word'") }
    }
    refuse("no timer") unless $after && $unit;
    refuse("Failed to start transient timer unit: Unit $unit.timer was already loaded") if -e "$dir/timer-$unit";
    put("$dir/timer-$unit", join("\0", @args));
}

sub ifreload {
    refuse("usage") unless "@args" eq "-a";
    put("$dir/network", slurp("/etc/network/interfaces"));
}

# The addresses of what counts.
sub ip {
    "@args" =~ /^-o address show dev (\S+)$/ or refuse("usage");
    my ($own) = slurp("$dir/network") =~ /^iface \Q$1\E (.*?)(?:^\S|\z)/ms or refuse("Device \"$1\" does not exist.");
    print "2: x    inet $1 scope global x\n" while $own =~ /address (\S+)/g;
}

# The gateway answers where the network that counts has an address beside it.
sub ping { exit(slurp("$dir/network") =~ /address 10\.0\.0\.\d+\/24/ ? 0 : 1); }

sub systemctl {
    if ("@args" =~ /^stop (\S+)\.timer$/) { unlink "$dir/timer-$1"; return; }
    if ("@args" =~ /^is-active --quiet (\S+)\.timer$/) { exit(-e "$dir/timer-$1" ? 0 : 3); }
    if ("@args" =~ /^is-active (\S+)$/) { print grep({ $_ eq $1 } lines("$dir/stopped")) ? "failed\n" : "active\n"; return; }
    exec "/usr/bin/systemctl", @args;
}

# Reads the rules of the data centre as `pve-firewall compile` does: what it cannot read it tells of,
# and leaves out.
sub compile {
    my ($section, $number) = ("", 0);
    my %sets = map { lc($_) => 1 } slurp("/etc/pve/firewall/cluster.fw") =~ /^\[ipset\s+(\S+)\]/gmi;
    for my $line (split /\n/, slurp("/etc/pve/firewall/cluster.fw")) {
        $number++;
        $line =~ s/^\h+|\h+$//g;
        next if $line =~ /^#/ || $line eq "";
        if ($line =~ /^\[(options|aliases|rules)\]$/i) { $section = lc $1; next; }
        if ($line =~ /^\[(group|ipset)\s+[a-z][a-z0-9_-]+\]\s*(#.*)?$/i) { $section = lc $1; next; }
        my $why = $section eq "" ? "skip line - no section"
            : $section eq "options" ? ($line =~ /^(enable:\s*\d+|ebtables:\s*[01]|policy_(in|out|forward):\s*(ACCEPT|DROP|REJECT)|log_ratelimit:\s*\S+)$/i ? "" : "can't parse option '$line'")
            : $section =~ /^(rules|group)$/ ? rule($line, \%sets) : "";
        print STDERR "/etc/pve/firewall/cluster.fw (line $number)$why\n" if $why =~ s/^(?=errors in)/ - / || $why =~ s/^/: / && length $why > 2;
    }
    print "ipset cmdlist:\n\niptables cmdlist:\nno changes\n";
}

# Returns what is wrong with a rule.
sub rule {
    my ($line, $sets) = @_;
    my $bad = sub { return "errors in rule parameters: $line\n  $_[0]: $_[1]"; };
    (my $rest = $line) =~ s/#.*$//;
    $rest =~ s/^\|//;
    $rest =~ s/^(\S+)\s+(\S+)\s*// or return "unable to parse rule: $rest";
    my ($type, $action, %rule) = (lc $1, $2);
    while (length $rest) {
        last unless $rest =~ s/^-(i|p|-?(?:proto|dport|sport|source|dest|log|icmp-type)) (\S+)\s*//;
        (my $key = $1) =~ s/^-//;
        $rule{ $key eq "p" ? "proto" : $key } = $2;
    }
    return "unable to parse rule parameters: $rest" if length $rest;
    return "" if $type eq "group";
    return $bad->("type", "unknown rule type '$type'") unless $type =~ /^(in|out|forward)$/;
    return $bad->("action", "unknown action '$action'") unless $action =~ /^(\w+\((ACCEPT|DROP|REJECT)\)|ACCEPT|DROP|REJECT)$/;
    return $bad->("iface", "value does not look like a valid network interface name") if exists $rule{i} && $rule{i} !~ /^[a-z][a-z0-9_]{1,20}([:.]\d+)?$/i;
    my $proto = $rule{proto};
    return $bad->("proto", "unknown protocol '$proto'") if defined $proto && $proto !~ /^(tcp|udp|udplite|dccp|sctp|icmp|ipv6-icmp|igmp|esp|ah|gre|\d+)$/;
    if (defined(my $ports = $rule{dport})) {
        return $bad->("proto", "missing property - 'dport' requires this property") unless defined $proto;
        return $bad->("dport", "protocol '$proto' does not support ports") unless $proto =~ /^(tcp|udp|udplite|dccp|sctp|icmp|ipv6-icmp)$/;
        my $count = 0;
        for my $item (split /,/, $ports, -1) {
            if ($item =~ /^(\d+):(\d+)$/) {
                return $bad->("dport", "invalid port") if $1 > 65535 || $2 > 65535;
                return $bad->("dport", "backwards range '$item' not allowed") if $1 > $2;
                $count += 2;
            } elsif ($item =~ /^\d+$/) {
                return $bad->("dport", "invalid port '$item'") if $item > 65535;
                $count++;
            } elsif ($proto !~ /icmp/) {
                return $bad->("dport", "invalid port '$item'") unless $item =~ /^(ssh|http|https|nfs|domain)$/;
            }
        }
        return $bad->("dport", "too many entries in port list (> 15 numbers)") if $count > 15;
    }
    for my $end (grep { exists $rule{$_} } "source", "dest") {
        my $list = $rule{$end};
        if ($list =~ /^\+(.*)$/) {
            return $bad->($end, "no such ipset '$1'") unless $sets->{lc $1};
            next;
        }
        next if $list =~ m{^(dc/|guest/)?[a-z][a-z0-9_-]+$}i;
        my ($version, $count, $ranges) = ("", 0, 0);
        for my $one (split /,/, $list, -1) {
            my $own = $one =~ m{^(\d+\.\d+\.\d+\.\d+)(/\d+|-\d+\.\d+\.\d+\.\d+)?$} ? 4 : $one =~ m{^[0-9a-f:]+:[0-9a-f:]*([/-][0-9a-f:]+)?$}i ? 6 : return $bad->($end, "invalid IP address: $one");
            return $bad->($end, "detected mixed ipv4/ipv6 addresses in address list '$list'") if $version && $version != $own;
            $version = $own;
            $count++;
            $ranges++ if $one =~ /-/;
        }
        return $bad->($end, "you can't use a range in a list") if $ranges && $count > 1;
    }
    return "";
}
