# shellcheck shell=sh
# What takes it away again, and what tells how it is.

do_status() {
    as_root
    LOG=/dev/null
    [ -n "$(current)" ] || fail "Chưa cài gì ở đây." "Nothing is installed here."
    say "Đang dùng: $(current)" "In force: $(current)"
    [ -z "$(release_of previous)" ] || say "Phiên bản trước: $(release_of previous)" "The one before: $(release_of previous)"
    ! begun || say "DỞ DANG: $phase, $to. Chạy lại install để làm nốt." "UNFINISHED: $phase, $to. Run install again to bring it to its end."
    for unit in $CONTROLLER $WEB mosquitto.service village-edge-backup.timer; do
        put "  $unit: $(systemctl is-active $unit 2>/dev/null), $(systemctl is-enabled $unit 2>/dev/null)"
    done
    wait=0s STEADY=0s
    if well "$(current)"; then say "Ổn." "It is well."; else
        put "$why" >&2
        fail "Không ổn." "It is not well."
    fi
}

do_remove() {
    as_root
    [ -d $BASE ] || [ -n "$purge" ] || fail "Chưa cài gì ở đây." "Nothing is installed here."
    alone
    step "Dừng và gỡ bộ điều khiển" "Stopping the controller and taking it away"
    touch_files=$(cat $FILES 2>/dev/null || :)
    for place in $touch_files; do
        case $place in "$UNITS"/village-edge*) quietly systemctl disable --now "${place##*/}" || : ;; esac
    done
    moved=''
    for place in $touch_files; do
        rm -f "$place"
        rmdir "$(dirname "$place")" 2>/dev/null || : # a folder of drop-ins that has no other
        moved="$moved $place"
    done
    take_notice
    quietly systemctl reset-failed 'village-edge*' || :
    [ "$(readlink /usr/local/bin/village-edge)" != $BASE/current/bin/village-edge ] || rm -f /usr/local/bin/village-edge
    if [ -L /etc/mosquitto/conf.d/village.conf ]; then
        rm -f /etc/mosquitto/conf.d/village.conf
        ! systemctl -q is-active mosquitto || quietly systemctl restart mosquitto || :
    fi
    packages=$(sed -n 's/^package //p' $MADE 2>/dev/null | tr '\n' ' ')
    did
    if [ -n "$purge" ]; then
        take_everything
    else
        for path in $BASE/releases $BASE/current $BASE/previous $BASE/bin $CHANGE $FILES $ENABLED $BASE/*.new; do rm -rf "$path"; done
        [ -f $MADE ] || rmdir $BASE 2>/dev/null || :
        say "Còn lại: $CONFIG, $STATE, $BROKER, $BACKUPS. Xóa hẳn: remove --purge" "What stays: $CONFIG, $STATE, $BROKER, $BACKUPS. To delete them too: remove --purge"
    fi
    [ -z "$packages" ] || say "Các gói Debian đã cài cho nó vẫn còn; nếu không gì khác cần: apt-get purge $packages" \
        "The Debian packages that were installed for it stay; if nothing else needs them: apt-get purge $packages"
}

take_everything() { # the village's own too; the log last
    step "Xóa dữ liệu, cấu hình, người dùng" "Deleting state, configuration, users"
    made=$(cat $MADE 2>/dev/null || :)
    rm -rf $BASE $CONFIG $STATE $BEFORE $BEFORE.new $BACKUPS $BROKER "$UNITS"/village-edge*.d
    rm -rf /run/village-edge /var/lib/systemd/timers/stamp-village-edge-backup.timer
    printf '%s\n' "$made" | while read -r what name; do
        case $what in
            user) quietly userdel "$name" || : ;;
            group) quietly groupdel "$name" || : ;;
            service) quietly systemctl disable --now "$name" || : ;;
            folder) rm -rf "$name" && quietly systemctl restart systemd-journald || : ;;
        esac
    done
    did
    LOG=''
    rm -f $JOURNAL $LOCK
}
