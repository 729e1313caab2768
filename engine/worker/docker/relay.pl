# Carries ports to services: relay.pl FOLDER PROTOCOL:PORT:SERVICE:PORT... See relay.sh.
use strict;
use warnings;
use Socket qw(:DEFAULT :addrinfo IN6ADDR_ANY IPPROTO_IPV6 IPV6_V6ONLY);

my ($folder, @rules) = @ARGV;
$SIG{CHLD} = 'IGNORE';
$SIG{PIPE} = 'IGNORE';

# Returns a socket on all addresses, of both families where the box knows both.
sub listening {
    my ($type, $port) = @_;
    if (socket(my $both, AF_INET6, $type, 0)) {
        setsockopt($both, SOL_SOCKET, SO_REUSEADDR, 1);
        setsockopt($both, IPPROTO_IPV6, IPV6_V6ONLY, 0);
        return $both if bind($both, pack_sockaddr_in6($port, IN6ADDR_ANY));
    }
    socket(my $one, AF_INET, $type, 0) or die "socket: $!\n";
    setsockopt($one, SOL_SOCKET, SO_REUSEADDR, 1);
    bind($one, pack_sockaddr_in($port, INADDR_ANY)) or die "port $port: $!\n";
    return $one;
}

# Returns a socket that is connected to the service, or nothing: its name is looked up anew each time.
sub connected {
    my ($type, $service, $port) = @_;
    my ($error, @found) = getaddrinfo($service, $port, {socktype => $type});
    for my $one (@found) {
        socket(my $out, $one->{family}, $type, 0) or next;
        return $out if connect($out, $one->{addr});
    }
    return;
}

# Passes on all that comes, then the end. One process a direction, so that neither waits for the other.
sub pass {
    my ($from, $to) = @_;
    my $data;
    READ: while (my $count = sysread($from, $data, 65536)) {
        my $sent = 0;
        while ($sent < $count) {
            my $more = syswrite($to, $data, $count - $sent, $sent);
            last READ unless defined $more;
            $sent += $more;
        }
    }
    shutdown($to, 1);
    shutdown($from, 0);
}

sub carry_tcp {
    my ($in, $service, $port) = @_;
    while (1) {
        accept(my $client, $in) or next;
        my $child = fork;
        next if !defined $child || $child;
        close $in;
        my $out = connected(SOCK_STREAM, $service, $port) or exit;
        if (fork) { pass($client, $out) } else { pass($out, $client) }
        exit;
    }
}

sub carry_udp {
    my ($in, $service, $port) = @_;
    my %out;
    while (1) {
        my $wanted = '';
        vec($wanted, fileno($_), 1) = 1 for $in, values %out;
        next unless select(my $ready = $wanted, undef, undef, undef) > 0;
        for my $peer (keys %out) {
            next unless vec($ready, fileno($out{$peer}), 1);
            my $answer;
            send($in, $answer, 0, $peer) if defined recv($out{$peer}, $answer, 65536, 0);
        }
        next unless vec($ready, fileno($in), 1);
        my $peer = recv($in, my $data, 65536, 0);
        next unless defined $peer;
        %out = () if keys %out > 500;
        $out{$peer} //= connected(SOCK_DGRAM, $service, $port);
        if ($out{$peer}) { send($out{$peer}, $data, 0) } else { delete $out{$peer} }
    }
}

my @carriers;
for my $rule (@rules) {
    my ($protocol, $port, $service, $target) = split /:/, $rule;
    my $tcp = $protocol eq 'tcp';
    my $in = listening($tcp ? SOCK_STREAM : SOCK_DGRAM, $port);
    if ($tcp) { listen($in, 1024) or die "port $port: $!\n" }
    push @carriers, sub { $tcp ? carry_tcp($in, $service, $target) : carry_udp($in, $service, $target) };
}
open(my $mark, '>', "$folder/ready") or die "$folder/ready: $!\n";
close $mark;
for my $carrier (@carriers) {
    defined(my $child = fork) or die "fork: $!\n";
    if (!$child) { $carrier->(); exit }
}
sleep 3600 while 1;
