# shellcheck shell=sh
# What is said, on the terminal and in the log, in one of two languages: every text is given as VIETNAMESE ENGLISH.

put() {
    printf '%s\n' "$*" 2>/dev/null || : # a terminal that has gone away is no reason to stop
    [ -z "$LOG" ] || printf '%s  %s\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$*" >>"$LOG"
}

say() { if [ "$tongue" = vi ]; then put "$1"; else put "$2"; fi; }

fail() { # VI EN: the end, and what is to be done
    say "$1" "$2" >&2
    exit 1
}

uptime_s() { cut -d. -f1 /proc/uptime; } # a clock that is set meanwhile does not move it

step() { # VI EN: what begins now; `did` says how long it took
    say "- $1 …" "- $2 …"
    step_began=$(uptime_s)
}

did() { # [VI EN]: with what outcome
    took=$(($(uptime_s) - step_began))
    say "  ${1:-xong}, $took giây" "  ${2:-done}, $took s"
}

quietly() { # COMMAND…: what it says goes into the log only
    "$@" </dev/null >>"$LOG" 2>&1
}

or_fail() { # VI EN: `quietly … || or_fail …` shows the end of what was said
    tail -n 5 "$LOG" >&2 || :
    fail "$1 (đầy đủ trong $LOG)" "$2 (all of it: $LOG)"
}

ask() { # VI EN DEFAULT: the answer in $answer
    if [ "$tongue" = vi ]; then printf '%s' "$1"; else printf '%s' "$2"; fi
    [ -z "$3" ] || printf ' [%s]' "$3"
    printf ': '
    IFS= read -r answer || fail "không có câu trả lời" "no answer came"
    answer=${answer:-$3}
}

# Files and links of ours are replaced whole: what a power cut leaves is the one before or the new one.
put_file() { # SOURCE DESTINATION MODE: 0 if that changed anything
    if [ -f "$2" ] && [ ! -L "$2" ] && cmp -s "$1" "$2"; then return 1; fi
    { mkdir -p "${2%/*}" && rm -rf "$2.new" && install -m "$3" "$1" "$2.new" && sync "$2.new" && mv -T "$2.new" "$2"; } || cannot_write "$2"
}

put_link() { # TARGET LINK: 0 if that changed anything
    if [ "$(readlink "$2" 2>/dev/null)" = "$1" ]; then return 1; fi
    { mkdir -p "${2%/*}" && ln -sfn "$1" "$2.new" && mv -T "$2.new" "$2"; } || cannot_write "$2"
}

cannot_write() {
    fail "Không ghi được $1: thẻ đầy hay chỉ đọc? (df -h, dmesg)" "$1 cannot be written: is the card full, or read-only? (df -h, dmesg)"
}
