#!/usr/bin/perl
# A message centre on Debian's Net::SMPP: a peer that shares no code with the gateway.
# Writes what it sees as JSON lines; takes commands as JSON lines:
#   {"mo": {"from": "…", "to": "…", "text": "…"}}      a handset writes; long texts go out in parts (UCS-2)
#   {"receipts": 0|1}                                   whether receipts follow by themselves
#   {"stat": "UNDELIV"}                                 what the next receipts say
use strict;
use warnings;
use utf8;
use Encode qw(encode decode);
use IO::Select;
use JSON::PP;
use Net::SMPP;
use Socket qw(sockaddr_in);

use constant { UNITS => 70, PART_UNITS => 67, RECEIPT => 0x04, UDHI => 0x40, UCS2 => 8 };

$| = 1;
my $json = JSON::PP->new->utf8->canonical;
my ($receipts, $stat, $last_id, $reference) = (1, 'DELIVRD', 1000, 16);
my ($receiver, $commands) = (undef, '');

sub report { print $json->encode({@_}), "\n" }

my $listener = Net::SMPP->new_listen('127.0.0.1', port => 0, smpp_version => 0x34) or die "listen: $!";
my ($port) = sockaddr_in($listener->sockname);
my $select = IO::Select->new($listener, \*STDIN);
report(event => 'listening', port => $port);

while (my @ready = $select->can_read) {
  for my $handle (@ready) {
    if ($handle == $listener)  { welcome(scalar $listener->accept) }
    elsif ($handle == \*STDIN) { read_commands() }
    else                       { serve($handle) }
  }
}

sub welcome {
  my ($link) = @_;
  $link->autoflush(1);
  $select->add($link);
  report(event => 'connected');
}

sub serve {
  my ($link) = @_;
  my $pdu = eval { local $SIG{__WARN__} = sub { }; $link->read_pdu };
  if (!$pdu) {
    report(event => 'closed');
    $receiver = undef if defined $receiver && $receiver == $link;
    $select->remove($link);
    close $link;
    return;
  }
  my $command = $pdu->explain_cmd;
  if ($command =~ /^bind_/) {
    report(event => 'bind', as => $command, system_id => $pdu->{system_id}, version => $pdu->{interface_version});
    my $answer = "${command}_resp";
    $link->$answer(seq => $pdu->seq, status => 0, system_id => 'net-smpp', sc_interface_version => pack('C', 0x34));
    $receiver = $link unless $command eq 'bind_transmitter';
  } elsif ($command eq 'enquire_link') {
    $link->enquire_link_resp(seq => $pdu->seq);
  } elsif ($command eq 'unbind') {
    $link->unbind_resp(seq => $pdu->seq);
  } elsif ($command eq 'submit_sm') {
    submit($link, $pdu);
  } elsif ($command eq 'deliver_sm_resp') {
    report(event => 'deliver_sm_resp', status => $pdu->status, seq => $pdu->seq);
  } else {
    report(event => 'other', command => $command);
  }
}

sub submit {
  my ($link, $pdu) = @_;
  my $id = ++$last_id;
  my @fields = qw(source_addr_ton source_addr_npi source_addr dest_addr_ton dest_addr_npi destination_addr
    esm_class protocol_id priority_flag validity_period registered_delivery data_coding);
  report(event => 'submit_sm', id => $id, (map { $_ => $pdu->{$_} } @fields), short_message => unpack('H*', $pdu->{short_message}));
  $link->submit_sm_resp(seq => $pdu->seq, status => 0, message_id => "$id");
  return unless $receipts && $pdu->{registered_delivery} & 3 && defined $receiver;
  my $date = '2601010000';
  my $delivered = $stat eq 'DELIVRD' ? '001' : '000';
  send_deliver(
    source_addr      => $pdu->{destination_addr},
    destination_addr => $pdu->{source_addr},
    esm_class        => RECEIPT,
    data_coding      => 0,
    short_message    => "id:$id sub:001 dlvrd:$delivered submit date:$date done date:$date stat:$stat err:000 text:",
  );
}

sub send_deliver {
  my (%fields) = @_;
  return $receiver->deliver_sm(
    async           => 1,
    source_addr_ton => 1, source_addr_npi => 1, dest_addr_ton => 1, dest_addr_npi => 1,
    %fields,
  );
}

# A handset's message, cut as handsets do: at 67 units, never inside a surrogate pair.
sub mo {
  my ($mo) = @_;
  my $octets = encode('UTF-16BE', $mo->{text});
  my @parts;
  if (length($octets) / 2 <= UNITS) {
    @parts = ($octets);
  } else {
    while (length $octets) {
      my $units = length($octets) / 2 < PART_UNITS ? length($octets) / 2 : PART_UNITS;
      my $last = unpack('n', substr($octets, 2 * ($units - 1), 2));
      $units-- if $last >= 0xD800 && $last <= 0xDBFF;
      push @parts, substr($octets, 0, 2 * $units, '');
    }
  }
  $reference = ($reference + 1) % 256;
  for my $number (1 .. @parts) {
    my $header = @parts > 1 ? pack('CCCCCC', 5, 0, 3, $reference, scalar @parts, $number) : '';
    send_deliver(
      source_addr      => $mo->{from},
      destination_addr => $mo->{to},
      esm_class        => @parts > 1 ? UDHI : 0,
      data_coding      => UCS2,
      short_message    => $header . $parts[$number - 1],
    );
  }
  report(event => 'mo', parts => scalar @parts);
}

sub read_commands {
  my $read = sysread(STDIN, $commands, 65536, length $commands);
  exit 0 unless $read;
  while ($commands =~ s/^([^\n]*)\n//) {
    my $command = $json->decode($1);
    $receipts = $command->{receipts} if exists $command->{receipts};
    $stat = $command->{stat} if exists $command->{stat};
    mo($command->{mo}) if exists $command->{mo};
  }
}
