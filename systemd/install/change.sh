# shellcheck shell=sh
# From one release to another and back, so that a power cut at any moment leaves a whole one in force.
#
# $CHANGE is there from before the first thing that is changed until all is well: the phase, the release that is to be in
# force and the one before, words of one line, replaced whole. Whoever comes next goes on from the phase:
#   stopped   the old release is in force and was stopped; its state is being copied: begin again
#   switched  the new one is being put in force, or is and is not yet known to be well: look, and finish or go back
#   back      the old one is being put back: do that to its end

CHANGE=$BASE/change BEFORE=/var/lib/village-edge-before
STEADY=10s # how long a release must have stood to be taken for well
CONTROLLER=village-edge.service WEB=village-edge-web.service

note_phase() { # PHASE TO FROM
    phase=$1 to=$2 from=$3
    printf '%s %s %s\n' "$1" "$2" "${3:--}" >$CHANGE.new
    sync $CHANGE.new
    mv $CHANGE.new $CHANGE
    sync $BASE
}

end_change() {
    rm -f $CHANGE
    sync $BASE
}

point() { # LINK RELEASE: atomic, and on the card before anything that relies on it
    ! put_link "releases/$2" "$BASE/$1" || sync $BASE
}

begun() { # is something unfinished? Then what, in $phase, $to and $from
    [ -f $CHANGE ] || return 1
    read -r phase to from <$CHANGE
    [ "$from" != - ] || from=''
}

stop_all() { # what hangs is killed: its outputs are then put into the safe state by the unit
    quietly timeout 20 systemctl stop $WEB $CONTROLLER || {
        quietly systemctl kill --kill-who=main --signal=KILL $CONTROLLER || :
        quietly timeout 60 systemctl stop $WEB $CONTROLLER || :
    }
    quietly systemctl reset-failed $WEB $CONTROLLER || :
}

start_all() { # without waiting: a release that hangs is found out by `well`
    for unit in $CONTROLLER $WEB village-edge-backup.timer; do
        ! systemctl -q is-enabled $unit 2>/dev/null || quietly systemctl start --no-block $unit
    done
}

well() { # RELEASE [--fresh]: 0, or why not, in $why
    paged=--no-page fresh=${2:-}
    ! systemctl -q is-enabled $WEB 2>/dev/null || paged=''
    # shellcheck disable=SC2086
    why=$("$BASE/releases/$1/bin/village-edge" health --config $CONFIG/site.yaml --unit $CONTROLLER --wait "$wait" --steady $STEADY $fresh $paged 2>&1)
    told=$?
    printf '%s\n' "$why" >>"$LOG"
    return $told
}

copy_state() { # of the release FROM, which is stopped; with the broker's files
    rm -rf $BEFORE.new
    install -d -m 700 $BEFORE.new
    cp -a --reflink=auto $STATE $BEFORE.new/state
    [ ! -d $BROKER ] || cp -a $BROKER $BEFORE.new/broker
    printf '%s\n' "$1" >$BEFORE.new/of
    sync -f $BEFORE.new
    rm -rf $BEFORE
    mv -T $BEFORE.new $BEFORE
    sync /var/lib
}

# Switch to the release TO and see whether it is well. What is in force until then is kept as the one to go back to.
change_to() { # TO FROM
    note_phase stopped "$1" "$2"
    if [ -n "$2" ]; then
        step "Dừng bộ điều khiển và chép dữ liệu" "Stopping the controller and copying its state"
        stop_all
        copy_state "$2"
        did
    fi
    note_phase switched "$1" "$2"
    point current "$1"
    settle "$1" || { why=$(tail -n 5 "$LOG"); go_back; }
    see_to_it --fresh
}

# Everything as the release in force has it, and running; what runs by another unit is started anew. 1: no broker.
settle() { # RELEASE
    put_units "$1"
    case $moved in *"$UNITS/village-edge"*) stop_all ;; esac
    set_broker "$1" || return 1
    start_all
}

see_to_it() { # [--fresh], of phase `switched`: finish, or go back
    step "Đợi phiên bản $to chạy ổn (nhiều nhất $wait)" "Waiting for the release $to to be well (at most $wait)"
    if well "$to" "$@"; then
        did "ổn" "it is well"
        [ -z "$from" ] || [ "$from" = "$to" ] || point previous "$from"
        end_change
        drop_releases
        return 0
    fi
    did "KHÔNG ỔN" "IT IS NOT WELL"
    put "$why" >&2
    go_back
}

go_back() { # of a failed change: the end of this program in any case
    if [ -z "$from" ] || [ "$from" = "$to" ]; then
        end_change
        fail "Đã cài nhưng chưa chạy ổn, và không có phiên bản trước. Xem: journalctl -u village-edge -n 50; sửa rồi chạy lại." \
            "It is installed and not well, and there is no version before. Look: journalctl -u village-edge -n 50; mend it and try again."
    fi
    failed=$to
    put_back
    rm -rf "$BASE/releases/$failed"
    fail "Phiên bản mới $failed không ổn: đã đặt lại $from. Nguyên nhân ở trên và trong $LOG." \
        "The new release $failed is not well: $from is back in force. Why stands above and in $LOG."
}

form_of() { # RELEASE: the schemas of the state that it writes
    cat "$BASE/releases/$1/schema"
}

put_back() { # the release $from in place of $to, with its state where $to may have changed its form
    note_phase back "$to" "$from"
    step "Đặt lại phiên bản $from" "Putting the release $from back"
    stop_all
    if [ "$(form_of "$from")" != "$(form_of "$to")" ] && [ "$(cat $BEFORE/of 2>/dev/null)" = "$from" ]; then
        state_back "$from"
    fi
    point current "$from"
    put_units "$from"
    if ! set_broker "$from" && [ -d $BEFORE/broker ]; then # it does not understand what the newer one has written
        rm -rf $BROKER
        cp -a $BEFORE/broker $BROKER
        set_broker "$from" || :
    fi
    start_all
    if well "$from"; then did "ổn" "it is well"; else
        did "KHÔNG ỔN" "IT IS NOT WELL"
        put "$why" >&2
    fi
    end_change
}

# By way of a backup, and not as plain files: what was given out since (numbers of rows, waterings, commands) is not given
# out again. What is replaced is kept in the state's folder. Once is enough.
state_back() { # RELEASE, which has the form of the copy
    [ ! -f $BEFORE/restored ] || return 0
    program=$BASE/releases/$1/bin/village-edge
    if quietly "$program" backup $BEFORE/back.tar.gz --state $BEFORE/state --config $CONFIG/site.yaml &&
        quietly "$program" restore $BEFORE/back.tar.gz --state $STATE --config $BEFORE/configuration/site.yaml --force; then
        : >$BEFORE/restored
        say "  Dữ liệu là của lúc trước khi nâng cấp; dữ liệu từ đó đến nay được giữ trong $STATE/before-restore-*" \
            "  The state is that of before the upgrade; what came since is kept in $STATE/before-restore-*"
    else
        say "  Không đặt lại được dữ liệu cũ ($LOG); nó vẫn nằm trong $BEFORE/state" \
            "  The state of before could not be put back ($LOG); it still lies in $BEFORE/state"
    fi
    rm -rf $BEFORE/back.tar.gz $BEFORE/configuration
    sync $BEFORE $STATE
}

finish_begun() { # what an earlier run did not come to the end of
    begun || return 0
    say "Lần trước bị ngắt giữa chừng ($phase, $to): làm cho xong đã." "The last run was interrupted ($phase, $to): that is brought to its end first."
    quietly systemctl daemon-reload
    case $phase in
        switched)
            # Until `current` led to the new one, a boot began the old one: its state has gone on since it was copied.
            if [ "$(current)" = "$to" ]; then
                settle "$to" || { why=$(tail -n 5 "$LOG"); go_back; }
                see_to_it
            else
                end_change
                start_all
            fi ;;
        stopped) end_change; start_all ;;
        back) put_back ;;
        *) fail "$CHANGE không đọc được: xóa nó đi rồi chạy lại." "$CHANGE cannot be read: delete it and try again." ;;
    esac
}

first_phone() { # unless somebody is in already
    [ -n "$pair_name" ] || return 0
    ! grep -qsE '"role": "(head|technician|viewer)"' $BROKER/users.json || return 0
    # As the terminal's own output: the code is a secret, and no log has it.
    $BASE/current/bin/village-edge pair --name "$pair_name" --role "$pair_role" ${page:+--page "$page"} ||
        say "Mã cho điện thoại chưa được làm. Sau này: village-edge pair --name \"$pair_name\" --role $pair_role" \
            "No code was made. Later: village-edge pair --name \"$pair_name\" --role $pair_role"
}

do_install() {
    as_root
    check_machine
    know_answers
    [ -f "$source/whole" ] || [ -f "$source/pyproject.toml" ] || fail "$source không phải là thư mục của chương trình: giải nén cả gói rồi chạy lại." \
        "$source is not the program's folder: unpack the whole archive and try again."
    check_disk
    alone
    finish_begun
    install_packages
    make_users
    release=$(release_name) old=$(current) new_village=no
    build_release "$release"
    [ -f $CONFIG/site.yaml ] || new_village=yes
    configure "$release"
    keep_answers
    if [ "$release" = "$old" ]; then refresh "$release"; else change_to "$release" "$old"; fi
    first_phone
    summary "$release" "$old"
}

refresh() { # the same release: only what is missing or was changed by hand is put right
    settle "$1" || or_fail "broker không chạy được" "the broker does not run"
    step "Xem phiên bản $1 có chạy ổn không" "Looking whether the release $1 is well"
    well "$1" || { did "KHÔNG ỔN" "IT IS NOT WELL"; put "$why" >&2; exit 1; }
    did "ổn" "it is well"
    drop_releases
}

do_rollback() {
    as_root
    alone
    finish_begun
    to=$(current) from=$(release_of previous)
    [ -n "$from" ] && [ "$from" != "$to" ] || fail "Không có phiên bản trước." "There is no version before."
    if [ "$(form_of "$from")" = "$(form_of "$to")" ] || [ "$(cat $BEFORE/of 2>/dev/null)" = "$from" ]; then
        put_back
        point previous "$to"
    elif older "$from" "$to"; then
        fail "$from không đọc được dữ liệu của $to, và không có bản sao dữ liệu trước đó: cần village-edge restore với một bản sao lưu." \
            "$from cannot read the state of $to, and there is no copy of the one before: it needs village-edge restore with a backup."
    else
        change_to "$from" "$to"
    fi
    summary "$from" "$to"
}

older() { # A B: the form of A's state is before that of B's
    [ "$(printf '%s\n%s\n' "$(form_of "$1")" "$(form_of "$2")" | sort -V | head -n 1)" = "$(form_of "$1")" ]
}

summary() { # RELEASE BEFORE
    address=$(ip -4 -o addr show scope global 2>/dev/null | awk '{ sub("/.*", "", $4); print $4; exit }')
    if [ "$1" = "$2" ]; then say "Vẫn là $1: không có gì phải thay đổi." "As it was: $1."; else say "Đã cài $1." "Installed: $1."; fi
    say "Trang của thôn: http://${address:-ĐỊA-CHỈ-CỦA-PI}:8080" "The village's page: http://${address:-ADDRESS-OF-THE-PI}:8080"
    say "Cấu hình: $CONFIG/site.yaml   Sao lưu mỗi đêm: $BACKUPS" "Configuration: $CONFIG/site.yaml   Backup every night: $BACKUPS"
    [ "${new_village:-no}" = yes ] || return 0
    [ -n "$config$restore" ] || say "site.yaml là mẫu: CHƯA NỐI gì vào rơ-le cho đến khi ghi vào đó dây nối của thôn mình." \
        "site.yaml is the example: connect NOTHING to the relays until it has your village's own wiring."
    say "Làm gì tiếp: 1. sửa $CONFIG/site.yaml, village-edge check $CONFIG/site.yaml, systemctl restart village-edge" \
        "What to do next: 1. edit $CONFIG/site.yaml, village-edge check $CONFIG/site.yaml, systemctl restart village-edge"
    say "  2. village-edge doctor --help: kiểm tra từng đầu ra và từng công tơ" "  2. village-edge doctor --help: try every output and every meter"
    say "  3. mỗi điện thoại một mã: village-edge pair --name TÊN --role head" "  3. a code for each phone: village-edge pair --name NAME --role head"
}
