# shellcheck shell=sh
# What a person is asked, or the file given with --answers.

KEYS='language site_id site_name latitude longitude config restore page pair pair_name pair_role'
language='' site_id='' site_name='' latitude='' longitude='' config='' restore='' page='' pair='' pair_name='' pair_role=''

in_range() { # NUMBER LEAST MOST
    printf '%s\n' "$1" | grep -qE '^-?[0-9]{1,3}(\.[0-9]{1,8})?$' && awk -v n="$1" -v a="$2" -v b="$3" 'BEGIN { exit !(n >= a && n <= b) }'
}

flaw() { # VI EN
    flaws=$((flaws + 1))
    say "${where:-}$1" "${where:-}$2" >&2
}

# One key's value, as far as it can be judged by itself: 0, or a flaw is told.
good() { # KEY VALUE
    [ -n "$2" ] || return 0
    case $1 in
        pair) case $2 in yes | no) ;; *) flaw "pair=$2: yes hoặc no" "pair=$2: write yes or no" ;; esac ;;
        language) case $2 in vi | en) ;; *) flaw "language=$2: vi hoặc en" "language=$2: write vi or en" ;; esac ;;
        site_id) printf '%s\n' "$2" | grep -qE '^[a-z0-9][a-z0-9-]{0,31}$' || flaw "site_id=$2: chữ thường không dấu, số và gạch nối, nhiều nhất 32" \
            "site_id=$2: at most 32 small letters, digits and hyphens" ;;
        latitude) in_range "$2" -90 90 || flaw "latitude=$2: vĩ độ, như 19.87" "latitude=$2: degrees north, such as 19.87" ;;
        longitude) in_range "$2" -180 180 || flaw "longitude=$2: kinh độ, như 105.68" "longitude=$2: degrees east, such as 105.68" ;;
        config | restore) [ -f "$2" ] || flaw "$1=$2: không có tệp này" "$1=$2: there is no such file" ;;
        page) printf '%s\n' "$2" | grep -qE '^https?://[^ #]+$' || flaw "page=$2: địa chỉ như http://192.168.1.20:8080" "page=$2: write an address such as http://192.168.1.20:8080" ;;
        pair_role) case $2 in head | technician | viewer) ;; *) flaw "pair_role=$2: head, technician hoặc viewer" \
            "pair_role=$2: write head, technician or viewer" ;; esac ;;
    esac
}

take() { # KEY VALUE: one answer
    known=no
    for key in $KEYS; do [ "$key" != "$1" ] || known=yes; done
    if [ $known = no ]; then
        flaw "$1 không phải là câu hỏi nào: $KEYS" "$1 is none of the questions: $KEYS"
    elif eval "[ -n \"\${given_$1:-}\" ]"; then
        flaw "$1 có hai lần" "$1 is there twice"
    else
        # shellcheck disable=SC2034
        taken=$2
        eval "$1=\$taken given_$1=yes"
        good "$1" "$2"
    fi
}

read_answers() { # FILE: every mistake in it is told at once, and nothing is done then
    flaws=0 number=0
    while IFS= read -r line || [ -n "$line" ]; do
        number=$((number + 1)) where="$1:$number: "
        line=$(printf '%s' "$line" | sed 's/^\xEF\xBB\xBF//; s/[[:space:]]*$//; s/^[[:space:]]*//')
        case $line in
            '' | '#'*) ;;
            [a-z]*=*) take "$(printf '%s' "${line%%=*}" | sed 's/[[:space:]]*$//')" "$(printf '%s' "${line#*=}" | sed 's/^[[:space:]]*//')" ;;
            *) flaw "không đọc được: viết KHÓA=GIÁ-TRỊ" "this cannot be read: write KEY=VALUE" ;;
        esac
    done <"$1"
    where="$1: "
    [ -z "$config" ] || [ -z "$restore" ] || flaw "config và restore: chỉ một trong hai" "config and restore: one of them"
    if [ -z "$config$restore" ] && [ ! -f $CONFIG/site.yaml ]; then
        for key in site_id site_name latitude longitude; do
            eval "[ -n \"\$$key\" ]" || flaw "thiếu $key (hoặc config, hoặc restore)" "$key is missing (or config, or restore)"
        done
    fi
    where=''
    [ $flaws = 0 ] || fail "$flaws lỗi trong $1: chưa làm gì cả. Mẫu: systemd/answers.example" \
        "$flaws mistakes in $1: nothing was done. An example: systemd/answers.example"
    tongue=${language:-$tongue}
    [ "$pair" != no ] || pair_name=''
    pair_role=${pair_role:-head}
}

again() { # KEY VI EN DEFAULT: ask until the answer is good
    while :; do
        ask "$2" "$3" "$4"
        flaws=0
        good "$1" "$answer"
        [ $flaws != 0 ] || [ -z "$answer" ] || break
    done
    # shellcheck disable=SC2034
    eval "$1=\$answer"
}

ask_all() { # only for a first installation
    [ -t 0 ] || fail "Không có bàn phím để hỏi: dùng --answers TỆP (mẫu: systemd/answers.example)." \
        "There is nobody to ask: give --answers FILE (an example: systemd/answers.example)."
    again language "Ngôn ngữ / Language (vi, en)" "Language / Ngôn ngữ (vi, en)" "$tongue"
    tongue=$language
    ask "Tệp cấu hình của riêng thôn (để trống: bắt đầu từ mẫu)" "A configuration file of the village's own (empty: begin with the example)" ""
    while [ -n "$answer" ] && [ ! -f "$answer" ]; do
        ask "Không có tệp $answer. Tệp cấu hình (để trống: mẫu)" "There is no file $answer. Configuration (empty: the example)" ""
    done
    config=$answer
    if [ -z "$config" ]; then
        ask "Tên thôn" "The village's name" "Thôn Nguyên Lý"
        site_name=$answer
        again site_id "Mã thôn trong mọi chủ đề MQTT, sau này không đổi" "Its id in every MQTT topic, not changed later" "nguyen-ly"
        again latitude "Vĩ độ" "Degrees north" 19.87
        again longitude "Kinh độ" "Degrees east" 105.68
    fi
    ask "Điện thoại đầu tiên là của ai (- : chưa có)" "Whose is the first phone (- : none yet)" "Trưởng thôn"
    pair_name=${answer#-} pair_role=head
    [ -z "$pair_name" ] || again pair_role "Vai trò: head, technician, viewer" "Role: head, technician, viewer" head
}

# Once, before anything is done. An installation that is there asks nothing.
know_answers() {
    if [ -n "$answers" ]; then
        read_answers "$answers"
    elif [ -f $CONFIG/site.yaml ]; then
        say "$CONFIG/site.yaml có sẵn: không hỏi gì." "$CONFIG/site.yaml is there: nothing is asked."
    else
        ask_all
    fi
}

keep_answers() { # for the next technician; no secret is among them
    [ -n "$site_id$config$restore$pair_name" ] || return 0
    for key in $KEYS; do eval "printf '%s=%s\\n' $key \"\$$key\""; done | sed '/=$/d' >"$CONFIG/.answers.new"
    put_file "$CONFIG/.answers.new" "$CONFIG/answers" 644 || :
    rm -f "$CONFIG/.answers.new"
}
