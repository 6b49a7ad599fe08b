#!/bin/sh
# After the broker has ended: a database that mosquitto cannot read is moved aside, so that the next start has a broker.
#
# mosquitto 2.0 that cannot read its database ("Couldn't open database", after a power cut or on a failing card) ends with
# 1, as it does for a mistake in its configuration, and says why only where that configuration has it logged. So another
# mosquitto is tried on a copy of the database, and once more without it: moved is what ends the first and not the second.
# What was in it (retained messages, what waits for those who are offline) is told anew by the controller at its next
# connect; the file is kept beside the new one as mosquitto.db.corrupt-N, the newest three.
#
# ExecStopPost= of mosquitto.service, see mosquitto.conf here; systemd says in SERVICE_RESULT how the broker ended.
set -eu
[ "${SERVICE_RESULT:-success}" != success ] || exit 0
database=${1:-/var/lib/mosquitto/mosquitto.db}
kept=3
[ -s "$database" ] || exit 0 # one that is empty or not there is begun anew without a word

trial=$(mktemp -d)
trap 'rm -rf "$trial"' EXIT
mkdir "$trial/data"
cat >"$trial/mosquitto.conf" <<CONF
listener 0 $trial/socket
allow_anonymous true
persistence true
persistence_location $trial/data/
autosave_interval 0
log_dest stderr
log_type error
log_type notice
log_type information
CONF

# Whether a broker comes up on what lies in the folder, within half a minute; it is killed then, and writes nothing.
comes_up() {
    chown -R mosquitto: "$trial"
    : >"$trial/log"
    mosquitto -c "$trial/mosquitto.conf" >"$trial/log" 2>&1 &
    broker=$!
    up=1 looks=0
    while [ "$looks" -lt 300 ] && kill -0 "$broker" 2>/dev/null; do
        if grep -q ' running$' "$trial/log"; then
            up=0
            break
        fi
        looks=$((looks + 1))
        sleep 0.1
    done
    kill -KILL "$broker" 2>/dev/null || true
    wait "$broker" 2>/dev/null || true
    return "$up"
}

cp "$database" "$trial/data/mosquitto.db"
if comes_up; then exit 0; fi
rm -f "$trial/data/mosquitto.db"
if ! comes_up; then exit 0; fi

newest=$(find "${database%/*}" -maxdepth 1 -name "${database##*/}.corrupt-[0-9]*" | sed 's/.*-//' | sort -n | tail -n 1)
number=$((${newest:-0} + 1))
mv "$database" "$database.corrupt-$number"
sync "${database%/*}"
echo "$database cannot be read: it lies beside as ${database##*/}.corrupt-$number, and the broker begins a new one" >&2
old=$((number - kept))
while [ "$old" -gt 0 ] && rm "$database.corrupt-$old" 2>/dev/null; do old=$((old - 1)); done
