#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A fleet of real sensors over TLS with certificates of 'canopy pki': who is let in, who is not, revocation and renewal under
# live connections, tokens of the console; openssl and curl as peers that we did not write.
. "$(dirname "$0")/lib.sh"
need_bpf
command -v openssl >/dev/null || skip_all "openssl is missing"

export CANOPY_PKI=$work/pki
pki() { canopy pki "$@" >>"$work/pki.log" 2>&1; }
machine() { tr -d - <<<"$1"; }
one=11111111-1111-4111-8111-111111111111
two=22222222-2222-4222-8222-222222222222

check "an authority is made" pki init
check "and certificates for a collector and two hosts" eval "pki collector localhost $loopback && pki sensor one --machine-id $(machine $one) &&
  pki sensor two --machine-id $(machine $two)"
read_token=$(openssl rand -hex 32) admin_token=$(openssl rand -hex 32)
printf '# who may ask\nread %s prometheus\nadmin %s\n' "$read_token" "$admin_token" >"$work/tokens"
chmod 600 "$work/tokens"
printf '%s\n' "$read_token" >"$work/token"
chmod 600 "$work/token"
export CANOPY_CA=$CANOPY_PKI/ca.pem CANOPY_TOKEN_FILE=$work/token

secure=(--tls-cert "$CANOPY_PKI/localhost.pem" --tls-key "$CANOPY_PKI/localhost.key" --tls-ca "$CANOPY_PKI/ca.pem" --tls-crl "$CANOPY_PKI/crl.pem")
tokens=(--http-tls --token-file "$work/tokens")
fetch() { curl -sS --cacert "$CANOPY_CA" -H "Authorization: Bearer ${2:-$read_token}" "https://$http$1"; }
status() { curl -s -o /dev/null -w '%{http_code}' --cacert "$CANOPY_CA" "${@:2}" "https://$http$1"; }
metric() { fetch /metrics | awk -v name="$1" '$1 == name { print $2 }'; }

# start_collector waits for plain HTTP: here it is TLS.
start() {
  local old_listen=${listen:-$loopback:0} old_http=${http:-$loopback:0}
  rm -f "$work/collector/http"
  "$CANOPY_COLLECTOR" --listen "$old_listen" --http "$old_http" --state "$work/collector" "${secure[@]}" "${tokens[@]}" "$@" >>"$work/collector.log" 2>&1 &
  collector_pid=$!
  pids+=("$collector_pid")
  wait_until 20 test -s "$work/collector/http" || { echo "Bail out! the collector did not start: $(tail -n 3 "$work/collector.log")"; exit 1; }
  listen=$(cat "$work/collector/listen") http=$(cat "$work/collector/http")
  export CANOPY_SERVER=https://$http
}
secure_host() { # NAME BOOT_ID CERTIFICATE [ARGUMENT…]
  host_machine_id=${machine_of:-$2} start_host "$1" "$2" --tls-ca "$CANOPY_PKI/ca.pem" --tls-cert "$CANOPY_PKI/$3.pem" --tls-key "$CANOPY_PKI/$3.key" "${@:4}"
}
# says TEXT COMMAND…: whatever it ends with.
says() {
  local output
  output=$("${@:2}" 2>&1)
  echo "$output"
  grep -qF -- "$1" <<<"$output"
}
logs() { grep -q "$2" "$work/$1.log"; }

# ---- a sensor that is what it says
start
secure_host one $one one
check "a host with its certificate is let in" wait_until 30 host_is one live
first_pid=$sensor_pid
bash -c 'exit 7' tls-probe
check "and its events arrive" wait_until 20 has 'proc.cmdline contains tls-probe and proc.exitcode = 7'
check "the handshake was a full one" equal "$(metric 'canopy_collector_tls_handshakes_total{port="sensors",result="full"}')" 1

# ---- the console
check "without a token: 401" equal "$(status /api/v1/hosts)" 401
check "with a wrong one: 401" equal "$(status /api/v1/hosts -H 'Authorization: Bearer 00000000000000000000000000000000')" 401
check "and it says how to ask" says 'WWW-Authenticate: Bearer realm="canopy"' curl -si --cacert "$CANOPY_CA" "https://$http/metrics"
check "whether it lives may be asked by all" equal "$(status /livez)" 200
check "a reader reads" equal "$(status /metrics -H "Authorization: Bearer $read_token")" 200
check "a reader is no admin: 403" equal "$(status /api/v1/reload -X POST -H "Authorization: Bearer $read_token")" 403
check "an admin has files read again" equal "$(curl -s --cacert "$CANOPY_CA" -X POST -H "Authorization: Bearer $admin_token" "https://$http/api/v1/reload")" '{"reloaded":true}'
check "plain HTTP at the TLS port gets nothing" not curl -sf "http://$http/livez"
check "curl without the authority refuses it" not curl -sf "https://$http/livez"
check "canopy without a token says what is missing" says --token-file env -u CANOPY_TOKEN_FILE "$CANOPY_CLI" hosts
check "canopy without the authority says what is missing" says --ca env -u CANOPY_CA "$CANOPY_CLI" hosts
check "canopy sends no token in the clear to another machine" says 'in the clear' "$CANOPY_CLI" --server http://192.0.2.1:1 hosts
check "a token by environment" env -u CANOPY_TOKEN_FILE CANOPY_TOKEN="$read_token" "$CANOPY_CLI" hosts

# ---- independent peers at the sensors' port
s_client() { openssl s_client -connect "$listen" -CAfile "$CANOPY_PKI/ca.pem" -verify_return_error -ign_eof "$@" </dev/null 2>&1; }
check "openssl with a certificate: TLS 1.3" says 'New, TLSv1.3' s_client -cert "$CANOPY_PKI/two.pem" -key "$CANOPY_PKI/two.key" -verify_ip "$loopback"
check "openssl without one is told that it is wanted" says 'certificate required' s_client
check "TLS 1.2 is refused" says 'protocol version' s_client -tls1_2 -cert "$CANOPY_PKI/two.pem" -key "$CANOPY_PKI/two.key"

# ---- those that are not what they say
secure_host stranger $two one --log-level info
check "another host's certificate is refused, and both logs say why" wait_until 30 eval "logs sensor-stranger 'the certificate is of one' && logs collector 'the certificate is of one'"
stop_process "$sensor_pid"
machine_of=$two secure_host two $one two --spool "$work/spool-claims"
check "and a boot id that is another machine's" wait_until 30 logs sensor-two 'belongs to another machine'
check "which hosts show" eval "canopy hosts -o ndjson | jq -e 'select(.host == \"one\") | .refused > 0'"
check "and the metrics" eval "[ $(metric canopy_collector_foreign_total) -ge 2 ]"
stop_process "$sensor_pid"
start_host plain $two
check "a sensor in the clear is told what it may be" wait_until 30 logs sensor-plain 'does it take TLS alone'
stop_process "$sensor_pid"
check "a sensor for another machine wants TLS" says --tls-ca "$CANOPY_SENSOR" --collector 192.0.2.1:1 --spool "$work/x"

stop_process "$first_pid"
machine_of=$two secure_host one $two one --spool "$work/spool-impostor"
check "the same name on another machine, too" wait_until 30 logs sensor-one 'bound to another machine id'
stop_process "$sensor_pid"

# ---- a link that is cut while the collector stays: the ticket still counts
# A relay (perl-base is on every Debian) whose connections end when it is told USR1; it prints its port.
relay() {
  perl -MIO::Socket::INET -MIO::Select -e '
    my $door = IO::Socket::INET->new(Listen => 5, LocalAddr => $ARGV[1]) or die; my (%peer, $cut);
    my $all = IO::Select->new($door); $| = 1; print $door->sockport, "\n"; $SIG{USR1} = sub { $cut = 1 };
    while (1) {
      my @ready = $all->can_read(0.1);
      if ($cut) { for (values %peer) { $all->remove($_); close $_ } %peer = (); $cut = 0; next }
      for my $s (@ready) {
        if ($s == $door) { my $in = $door->accept; my $out = IO::Socket::INET->new($ARGV[0]) or next; @peer{$in, $out} = ($out, $in); $all->add($in, $out); next }
        my $to = $peer{$s} or next;
        if (sysread($s, my $data, 65536)) { for (my $at = 0; $at < length $data;) { $at += syswrite($to, $data, length($data) - $at, $at) // last } }
        else { $all->remove($s, $to); delete @peer{$s, $to}; close $_ for $s, $to }
      }
    }' "$listen" "$loopback" >"$work/relay" 2>>"$work/relay.log" &
  relay_pid=$!
  pids+=("$relay_pid")
  wait_until 20 test -s "$work/relay"
}
handshakes() { metric "canopy_collector_tls_handshakes_total{port=\"sensors\",result=\"$1\"}"; }
resumed() { [ "$(handshakes resumed)" = "$1" ]; }
relay
direct=$listen listen=$loopback:$(cat "$work/relay")
secure_host one $one one
listen=$direct
check "through a relay it is let in" wait_until 30 host_is one live
bash -c 'exit 8' tls-probe
check "and heard" wait_until 20 has 'proc.cmdline contains tls-probe and proc.exitcode = 8'
full=$(handshakes full)
before=$(handshakes resumed)
kill -USR1 "$relay_pid"
check "its link is cut: the next handshake is resumed" wait_until 40 resumed $((before + 1))
check "and no full one" equal "$(handshakes full)" "$full"
bash -c 'exit 9' tls-probe
check "and its events arrive" wait_until 20 has 'proc.cmdline contains tls-probe and proc.exitcode = 9'
stop_process "$sensor_pid"
stop_process "$relay_pid"

# ---- a collector that goes and comes
secure_host one $one one
wait_until 30 host_is one live
first_pid=$sensor_pid
connections() { grep -c 'event=connected' "$work/sensor-one.log"; }
before=$(connections)
stop_process "$collector_pid"
start
check "after a restart of the collector it comes back" wait_until 40 eval "[ \$(connections) -gt $before ]"
check "with a full handshake, since tickets died with it" equal "$(metric 'canopy_collector_tls_handshakes_total{port="sensors",result="full"}')" 1

# ---- renewal under a live connection
held=$(connections)
pki revoke two
pki sensor two --machine-id "$(machine $two)"
cp "$CANOPY_PKI/localhost.pem" "$work/kept.pem"
old_serial=$(openssl x509 -in "$CANOPY_PKI/localhost.pem" -noout -serial)
pki revoke localhost
pki collector localhost "$loopback"
serving() { openssl s_client -connect "$http" </dev/null 2>/dev/null | openssl x509 -noout -serial 2>/dev/null; }
check "a new certificate is served without a restart" wait_until 20 eval "[ \"\$(serving)\" != '$old_serial' ] && [ -n \"\$(serving)\" ]"
kill -HUP "$collector_pid"
check "SIGHUP reads files, too" wait_until 20 logs collector 'event=files-read what="tokens"'
check "connections live on" equal "$(connections)" "$held"
secure_host two $two two
check "a host with its new certificate is let in" wait_until 30 host_is two live

# ---- revocation under a live connection
pki revoke one
check "a revoked sensor is cut off" wait_until 30 logs collector 'certificate revoked'
check "and told so" wait_until 30 logs sensor-one 'our certificate is revoked'
check "another one is not" host_is two live
pki sensor one --machine-id "$(machine $one)"
check "with a new one it is back, by itself" wait_until 60 eval "[ \$(connections) -gt $held ]"

# ---- files that will not do
chmod 644 "$work/tokens"
check "tokens that others can read are not taken, those of before count on" wait_until 20 logs collector 'mode 0644'
check "a reader still reads" equal "$(status /metrics -H "Authorization: Bearer $read_token")" 200
stop_process "$collector_pid"
refused() { # CODE TEXT ARGUMENT…
  local output code
  output=$("$CANOPY_COLLECTOR" --state "$work/other" "${@:3}" 2>&1)
  code=$?
  echo "$code: $output"
  [ $code -eq "$1" ] && grep -qF -- "$2" <<<"$output"
}
check "a collector does not start with them" refused 1 'chmod 600' --token-file "$work/tokens"
chmod 644 "$CANOPY_PKI/localhost.key"
check "nor with a key that others can read" refused 1 'chmod 600' "${secure[@]}"
check "nor in the clear where others listen" refused 2 '--insecure' --listen 0.0.0.0:0
check "nor its console" refused 2 '--token-file' --http 0.0.0.0:0
check "nor its console with TLS and without tokens" refused 2 '--token-file' --http 0.0.0.0:0 "${secure[@]}"
finish
