# shellcheck shell=sh
# What lies outside of /opt: units, drop-ins, links, the configuration, the broker's part.

ENABLED=$BASE/enabled # units that were enabled once
FILES=$BASE/files     # every file and link of ours outside of /opt/village-edge, and not the village's own

place_of() { # FILE of a release's folder systemd: where it belongs; nothing for what is no part of the system
    case $1 in
        village-edge*.service | village-edge*.timer) echo "$UNITS/$1" ;;
        mosquitto.conf) echo "$UNITS/mosquitto.service.d/village-edge.conf" ;;
        journald.conf) echo /etc/systemd/journald.conf.d/village-edge.conf ;;
        system.conf) echo /etc/systemd/system.conf.d/village-edge.conf ;;
    esac
}

wanted_files() { # RELEASE: SOURCE DESTINATION lines
    for file in "$BASE/releases/$1"/systemd/*; do
        place=$(place_of "$(basename "$file")")
        [ -z "$place" ] || echo "$file $place"
    done
    ! grep -qsx 'group gpio' $MADE || [ ! -d /etc/udev/rules.d ] || echo "$BASE/releases/$1/systemd/install/gpio.rules /etc/udev/rules.d/60-village-edge-gpio.rules"
}

# The units and drop-ins of a release, and none of another one. Says in $moved what has changed.
put_units() { # RELEASE
    moved='' wanted=$(wanted_files "$1")
    places=$(printf '%s\n' "$wanted" | cut -d' ' -f2 | sort)
    touch $FILES
    printf '%s\n' "$places" | sort -u - $FILES >$FILES.new
    mv $FILES.new $FILES # known before it is there
    while read -r file place; do
        ! put_file "$file" "$place" 644 || moved="$moved $place"
    done <<END
$wanted
END
    for place in $(printf '%s\n' "$places" | comm -13 - $FILES); do
        quietly systemctl disable --now "${place##*/}" || :
        rm -f "$place"
        moved="$moved $place"
    done
    printf '%s\n' "$places" >$FILES.new
    mv $FILES.new $FILES
    ! put_link current/bin $BASE/bin || :
    ! put_link $BASE/current/bin/village-edge /usr/local/bin/village-edge || :
    take_notice
    enable_units
}

take_notice() { # of what has moved
    [ -z "$moved" ] || quietly systemctl daemon-reload
    for place in $moved; do
        case $place in
            */system.conf.d/*) quietly systemctl daemon-reexec || : ;; # the watchdog is set there only
            */journald.conf.d/*)
                [ -d /var/log/journal ] || note_made "folder /var/log/journal"
                quietly systemctl restart systemd-journald || : ;;
            */rules.d/*) { quietly udevadm control --reload && quietly udevadm trigger --subsystem-match=gpio; } || : ;;
        esac
    done
}

enable_units() { # each once: what a technician disables stays so
    for place in $(grep -ls '^\[Install\]' "$UNITS"/village-edge*); do
        if ! grep -qsxF "$place" $ENABLED; then
            quietly systemctl enable "${place##*/}" || or_fail "không bật được ${place##*/}" "${place##*/} could not be enabled"
            printf '%s\n' "$place" >>$ENABLED
        fi
    done
}

# The village's configuration, if there is none: checked by the release that will run it, before anything of it is there.
configure() { # RELEASE
    program=$BASE/releases/$1/bin/village-edge
    if [ ! -f $CONFIG/site.yaml ] && [ -n "$restore" ]; then
        step "Lấy lại bản sao lưu $restore" "Restoring the backup $restore"
        quietly "$program" restore "$restore" || or_fail "không lấy lại được" "it could not be restored"
        did
    elif [ ! -f $CONFIG/site.yaml ]; then
        new=$CONFIG/.new.yaml
        if [ -n "$config" ]; then
            cp "$config" $new
            tariffs=$(dirname "$config")/tariffs
            [ ! -d "$tariffs" ] || [ -d $CONFIG/tariffs ] || cp -R "$tariffs" $CONFIG/tariffs
        else
            begin_with_example >$new
        fi
        chgrp village-edge $new
        chmod 640 $new
        check_config "$program" $new
        sync $new
        mv $new $CONFIG/site.yaml
        return 0
    fi
    check_config "$program" $CONFIG/site.yaml
}

begin_with_example() {
    example=$source/config/nguyen-ly.yaml
    [ -f "$example" ] || example=$(find "$source"/lib -path '*/edge/config/nguyen-ly.yaml' | head -n 1)
    id=$site_id name=$(printf '%s' "$site_name" | sed 's/[\\"]/\\&/g') lat=$latitude lon=$longitude spoken=$tongue awk '
        /^[a-z]/ { inside = ($1 == "site:") }
        inside && $1 == "id:" { print "  id: " ENVIRON["id"]; next }
        inside && $1 == "name:" { print "  name: \"" ENVIRON["name"] "\""; next }
        inside && $1 == "latitude:" { print "  latitude: " ENVIRON["lat"]; next }
        inside && $1 == "longitude:" { print "  longitude: " ENVIRON["lon"]; next }
        inside && $1 == "language:" { print "  language: " ENVIRON["spoken"]; next }
        /yaml-language-server|^# Thôn Nguyên Lý/ { next }
        { print }' "$example"
}

check_config() { # PROGRAM FILE, as the user that will read it
    step "Kiểm tra $CONFIG/site.yaml" "Checking $CONFIG/site.yaml"
    checked=$(runuser -u village-edge -- "$1" check "$2" 2>&1) || {
        [ "$2" = $CONFIG/site.yaml ] || rm -f "$2"
        put "$checked" >&2
        fail "Cấu hình ${config:-$CONFIG/site.yaml} có lỗi: sửa rồi chạy lại. Chưa khởi động gì." \
            "The configuration ${config:-$CONFIG/site.yaml} has errors: mend them and try again. Nothing was started."
    }
    did
}

# mosquitto's files and the controller's password, by the release given; mosquitto reads them.
set_broker() { # RELEASE
    before=$(cksum $BROKER/mosquitto.conf 2>/dev/null || :)
    quietly "$BASE/releases/$1/bin/village-edge" broker --config $CONFIG/site.yaml ${page:+--page "$page"} || return 1
    linked=no
    ! put_link $BROKER/mosquitto.conf /etc/mosquitto/conf.d/village.conf || linked=yes
    systemctl -q is-enabled mosquitto || {
        note_made "service mosquitto"
        quietly systemctl enable mosquitto
    }
    case "$linked $before ${moved:-}" in
        *mosquitto.service.d*) ;;
        "no $(cksum $BROKER/mosquitto.conf) "*) ! systemctl -q is-active mosquitto || return 0 ;;
    esac
    quietly systemctl restart mosquitto
}
