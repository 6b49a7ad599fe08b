# shellcheck shell=sh
# What must be so before anything is done; none of it has an effect.

BASE=/opt/village-edge CONFIG=/etc/village-edge STATE=/var/lib/village-edge
BACKUPS=/var/backups/village-edge BROKER=/etc/mosquitto/village UNITS=/etc/systemd/system
JOURNAL=/var/log/village-edge-install.log # of this program
PROGRAM_MB=350                            # a release, and room to build it
LOCK=/run/village-edge-install.lock

as_root() {
    [ "$(id -u)" = 0 ] || fail "Cần quyền root: sudo sh $0 $verb" "This needs root: sudo sh $0 $verb"
}

alone() { # one at a time; held until this process and its children have ended
    exec 9>"$LOCK"
    flock -n 9 || fail "Một lần cài khác đang chạy: đợi nó xong." "Another installation is under way: wait for its end."
    LOG=$JOURNAL
    trap '' HUP PIPE # it goes on when the terminal's connection is lost
    trap 'fail "Bị ngắt: chạy lại đúng lệnh đó thì việc dở được làm nốt hoặc hủy." "Interrupted: the same command again finishes or undoes what was begun."' INT TERM
    touch "$LOG"
    chmod 600 "$LOG"
    printf '%s  install.sh %s, %s\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$verb" "$source" >>"$LOG"
}

check_machine() {
    # shellcheck source=/dev/null
    . /etc/os-release
    case ${ID:-} in
        debian | raspbian) ;;
        *) fail "Đây là ${PRETTY_NAME:-hệ điều hành lạ}: hãy dùng Raspberry Pi OS, hoặc Debian 12 hay 13." \
            "This is ${PRETTY_NAME:-an unknown system}: take Raspberry Pi OS, or Debian 12 or 13." ;;
    esac
    [ "${VERSION_ID:-0}" -ge 12 ] || fail "${PRETTY_NAME:-} quá cũ: hãy ghi thẻ với Raspberry Pi OS mới hơn (Debian 12 hay 13)." \
        "${PRETTY_NAME:-} is too old: write a card with a newer Raspberry Pi OS (Debian 12 or 13)."
    [ "$VERSION_ID" -le 13 ] || say "${PRETTY_NAME:-} mới hơn Debian 13 và chưa được thử." "${PRETTY_NAME:-} is newer than Debian 13 and untried."
    [ -d /run/systemd/system ] || fail "systemd không chạy ở đây (chroot hay container?): hãy chạy trên chính máy đó." \
        "systemd does not run here (a chroot or a container?): run this on the machine itself."
    case $(dpkg --print-architecture) in
        arm64 | amd64) ;;
        armhf) say "Hệ 32 bit: vài gói Python có thể phải được biên dịch hoặc không có; nên dùng bản 64 bit." \
            "A 32-bit system: some Python packages may have to be compiled or be missing; take the 64-bit one if you can." ;;
        *) fail "Bộ xử lý này ($(dpkg --print-architecture)) không được hỗ trợ: cần 64-bit Arm hoặc x86-64." \
            "This processor ($(dpkg --print-architecture)) is not supported: 64-bit Arm or x86-64 is needed." ;;
    esac
    check_python
    [ ! -f $BASE/pyvenv.cfg ] || fail "$BASE được làm bằng tay. Dữ liệu và cấu hình không nằm trong đó: systemctl stop village-edge && mv $BASE /root/village-edge-cu, rồi chạy lại." \
        "$BASE was made by hand. State and configuration are not in it: systemctl stop village-edge && mv $BASE /root/village-edge-by-hand, then try again."
    check_listeners
}

check_python() { # there may be none yet: apt then brings one
    if command -v python3 >/dev/null && ! python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
        fail "$(python3 --version) quá cũ, cần 3.11 trở lên: Debian 12 có sẵn; đừng thay python3 của hệ thống." \
            "$(python3 --version) is too old, 3.11 or newer is needed: Debian 12 has one; put its own python3 back."
    fi
}

check_listeners() { # another broker's or another page's port cannot be ours
    theirs=$(grep -lsE '^[[:space:]]*(listener|port)[[:space:]]' /etc/mosquitto/mosquitto.conf /etc/mosquitto/conf.d/*.conf | grep -v '^/etc/mosquitto/conf.d/village.conf$' || :)
    [ -z "$theirs" ] || fail "mosquitto đã có listener riêng trong $theirs: bỏ các dòng listener và port ở đó, village-edge broker sẽ viết lại." \
        "mosquitto has listeners of its own in $theirs: take the lines listener and port out of it, village-edge broker writes what is needed."
    taken_by 1883 mosquitto
    systemctl -q is-active village-edge-web || taken_by 8080 none
}

taken_by() { # PORT OWNER: nobody else may listen there
    holder=$(ss -Hltnp "sport = :$1" 2>/dev/null | sed -n 's/.*users:(("\([^"]*\)".*/\1/p' | head -n 1)
    [ -z "$holder" ] || [ "$holder" = "$2" ] || fail "Cổng $1 đang do $holder dùng: dừng chương trình đó trước." \
        "Port $1 is used by $holder: stop that first."
}

free_mb() { # of the file system that DIR, or its nearest parent, is on
    at=$1
    while [ ! -d "$at" ]; do at=$(dirname "$at"); done
    df -Pk "$at" | awk 'NR == 2 { print int($4 / 1024) }'
}

check_disk() { # a release is built beside the others; the state is copied, and comes back by way of a backup
    state_mb=0
    [ ! -d $STATE ] || state_mb=$(du -sm $STATE | cut -f1)
    needed=$((PROGRAM_MB + state_mb * 3))
    for at in $BASE $STATE; do
        has=$(free_mb $at)
        [ "$has" -ge $needed ] || fail "$at chỉ còn $has MB trống, cần $needed MB: xóa bớt (apt-get clean, journalctl --vacuum-size=50M) hoặc dùng thẻ lớn hơn." \
            "$at has $has MB free and $needed MB are needed: make room (apt-get clean, journalctl --vacuum-size=50M) or take a larger card."
    done
}
