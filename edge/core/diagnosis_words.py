"""The findings of a diagnosis in a technician's words, Vietnamese and English: what is so, then what to do."""

from __future__ import annotations

from collections.abc import Mapping

from edge.core.diagnosis import Finding
from edge.core.diagnosis_machine_words import MACHINE
from edge.core.diagnosis_outputs_words import OUTPUTS
from edge.core.diagnosis_terms import Language, Words

MARKS = {"right": "✓", "doubt": "?", "wrong": "✗"}
FIRST = ("voltage", "power_w", "energy_kwh", "temperature", "humidity", "moisture", "illuminance")
BUS: Mapping[str, Words] = {
    # --- the port ---
    "busy": Words(
        "{path} đang bị chương trình khác giữ",
        "{path} is held by another program",
        ("nếu là bộ điều khiển: dừng nó trước, `sudo systemctl stop village-edge`; xong việc thì bật lại bằng `start`",
         "nếu không: đóng chương trình đang mở cổng (`sudo fuser -v {path}` cho biết chương trình nào)"),
        ("if it is the controller: stop the controller first, `sudo systemctl stop village-edge`; then `start` it",
         "if not: close whatever has the port open (`sudo fuser -v {path}` names it)"),
    ),
    "missing": Words(
        "không có {path}",
        "{path} is not there",
        ("bộ chuyển USB–RS-485 có cắm không, đèn của nó có sáng không",
         "xem tên thật bằng `ls -l /dev/serial/by-path` và ghi vào `device` của cổng"),
        ("is the USB adapter plugged in, and is its light on",
         "see the real name with `ls -l /dev/serial/by-path` and write it into the port's `device`"),
    ),
    "forbidden": Words(
        "không được phép mở {path}",
        "{path} may not be opened by this user",
        ("chạy bằng `sudo`, hoặc vào nhóm dialout: `sudo usermod -aG dialout $USER`, rồi đăng nhập lại",),
        ("run it with `sudo`, or add the user to the group: `sudo usermod -aG dialout $USER`, and log in again",),
    ),
    "port-fault": Words(
        "không dùng được {path}: {why}",
        "{path} cannot be used: {why}",
        ("rút bộ chuyển ra, cắm lại; thử bộ khác",),
        ("unplug the adapter and plug it in again; try another one",),
    ),
    "swapped": Words(
        "không thiết bị nào trả lời, trên dây chỉ có nhiễu: có lẽ A và B bị đảo ({devices})",
        "no device answers, and there is only garbage on the line: A and B are probably swapped ({devices})",
        ("đổi chỗ hai dây A và B ở bộ chuyển, rồi chạy lại (đảo dây không làm hỏng gì)",
         "nếu vẫn nhiễu: kiểm tra điện trở cuối dây 120 Ω, và dây có nằm sát cáp điện lực không"),
        ("swap the wires A and B at the adapter and run this again (swapped wires harm nothing)",
         "if the garbage stays: check the 120 Ω terminating resistor, and whether the cable lies beside power cables"),
    ),
    "port-silent": Words(
        "không thiết bị nào trả lời ở bất cứ tốc độ nào ({devices})",
        "no device answers, at any speed ({devices})",
        ("các công tơ có điện không: màn hình của chúng có sáng không",
         "A và B có bị đảo không: đổi chỗ hai dây ở bộ chuyển, rồi chạy lại",
         "dây có đứt hoặc lỏng không: đo thông mạch từ bộ chuyển đến công tơ đầu tiên",
         "đúng bộ chuyển chưa: rút nó ra, chạy lại phải báo không có cổng"),
        ("do the meters have power: are their displays lit",
         "are A and B swapped: swap the wires at the adapter and run this again",
         "is the cable cut or loose: measure it from the adapter to the first meter",
         "is it the right adapter: pull it out, and this must say that the port is not there"),
    ),
    "stranger": Words(
        "địa chỉ {address} có một thiết bị không có trong cấu hình, có vẻ là {model} ({setting})",
        "at address {address} is a device that the configuration does not have, by its registers {model} ({setting})",
        ("nếu nó thuộc về đây: thêm vào cấu hình; hoặc đổi địa chỉ của nó bằng --set-address",),
        ("if it belongs here: add it to the configuration, or give it the right address with --set-address",),
    ),
    "stranger-unknown": Words(
        "địa chỉ {address} có một thiết bị không có trong cấu hình, không rõ kiểu ({setting})",
        "at address {address} is a device that the configuration does not have, of no model known here ({setting})",
        ("nếu nó thuộc về đây: xem nhãn của nó; chương trình này chưa biết kiểu đó",),
        ("if it belongs here: look at its label; this program does not know the model",),
    ),
    # --- a device that can be read ---
    "good": Words("{told}", "{told}"),
    "noisy": Words(
        "trả lời, nhưng {bad} trong {asked} câu trả lời bị hỏng hoặc mất",
        "it answers, but {bad} of {asked} answers came damaged or not at all",
        ("siết lại các đầu dây A, B; hai đầu đường dây có điện trở 120 Ω không",
         "dây có xoắn đôi và cách xa cáp điện lực không; vỏ chống nhiễu chỉ nối đất một đầu"),
        ("tighten the screws of A and B; is there a 120 Ω resistor at both ends of the line",
         "is the cable a twisted pair, away from power cables; its screen is earthed at one end only"),
    ),
    "odd-voltage": Words(
        "{quantity} là {value} V, ngoài khoảng {low}–{high} V",
        "{quantity} reads {value} V, which is not within {low} to {high} V",
        ("đo bằng đồng hồ: nếu đúng như vậy thì báo điện lực (có thể mất dây trung tính, rất nguy hiểm cho thiết bị)",
         "nếu không đúng: sai kiểu công tơ trong cấu hình, hoặc công tơ hỏng"),
        ("measure it: if it is true, tell the utility (a lost neutral does this, and destroys appliances)",
         "if it is not true: the wrong model in the configuration, or a broken meter"),
    ),
    "odd-frequency": Words(
        "{quantity} là {value} Hz, ngoài khoảng {low}–{high} Hz",
        "{quantity} reads {value} Hz, which is not within {low} to {high} Hz",
        ("đang chạy máy phát thì có thể đúng; nếu không: sai kiểu công tơ trong cấu hình, hoặc công tơ hỏng",),
        ("on a generator it may be true; else: the wrong model in the configuration, or a broken meter",),
    ),
    "over-apparent": Words(
        "{quantity} là {value} W, lớn hơn điện áp nhân dòng điện: không thể như vậy",
        "{quantity} reads {value} W, which is more than volts times amperes: that cannot be",
        ("tỉ số biến dòng (CT) của công tơ có đúng như nhãn biến dòng không",
         "đúng kiểu công tơ trong cấu hình chưa: so với nhãn của công tơ"),
        ("is the meter's CT ratio that of the plate of its current transformers",
         "is the model in the configuration the one on the meter's label"),
    ),
    "over-rating": Words(
        "{quantity} là {value} W, vượt xa rated_kw {rated_kw} trong cấu hình",
        "{quantity} reads {value} W, far beyond rated_kw {rated_kw} of the configuration",
        ("tỉ số biến dòng (CT) của công tơ có đúng như nhãn biến dòng không",
         "hoặc sửa rated_kw trong cấu hình"),
        ("is the meter's CT ratio that of the plate of its current transformers",
         "or correct rated_kw in the configuration"),
    ),
    "factors": Words(
        "công tơ được đặt tỉ số {factors}, và số liệu đã nhân với tỉ số đó",
        "the meter is set to {factors}, and its figures are multiplied by that",
        ("so với nhãn biến dòng (200/5 A là 40); không có biến dòng thì phải là 1",),
        ("compare with the transformers' plates (200/5 A is 40); without transformers it must be 1",),
    ),
    "missing-figures": Words(
        "không dùng được {quantity}: số liệu nằm ngoài khoảng mà một {model} có thể có",
        "{quantity} cannot be used: it is not within what {model} can have",
        ("đúng kiểu công tơ trong cấu hình chưa: so với nhãn của công tơ",
         "tỉ số biến dòng (CT) của công tơ có đúng như nhãn biến dòng không"),
        ("is the model in the configuration the one on the meter's label",
         "is the meter's CT ratio that of the plate of its current transformers"),
    ),
    "reversed": Words(
        "{quantity} âm trong khi pha khác dương: biến dòng của pha đó có lẽ lắp ngược",
        "{quantity} is negative while other phases are positive: its transformer is probably the wrong way round",
        ("cắt điện, lật biến dòng hoặc đổi hai dây S1, S2 của nó",),
        ("switch off, turn the transformer round or swap its wires S1 and S2",),
    ),
    "dead-phase": Words(
        "{quantity} gần như 0: pha này không có điện",
        "{quantity} reads next to nothing: there is no voltage on this phase",
        ("cầu chì hoặc aptomat của pha đó; dây áp của công tơ",),
        ("the fuse or breaker of this phase; the meter's voltage wire",),
    ),
    # --- a device that cannot ---
    "not-driven": Words(
        "kiểu {model} chưa được hỗ trợ, nên không đọc thử",
        "{model} is not driven yet, so it was not read",
    ),
    "other-model": Words(
        "cấu hình ghi {model}, nhưng thiết bị ở địa chỉ {address} trả lời như một {guess}",
        "the configuration says {model}, but the device at address {address} answers as {guess}",
        ("xem nhãn công tơ; nếu đúng là {guess}: ghi `model: {guess}` vào cấu hình",
         "nếu không: hai công tơ bị lắp hoặc đặt địa chỉ nhầm chỗ cho nhau"),
        ("look at the meter's label; if it is {guess}: write `model: {guess}` into the configuration",
         "if it is not: two meters have changed places, or addresses"),
    ),
    "refusing": Words(
        "trả lời, nhưng từ chối câu hỏi của một {model}: {error}",
        "it answers, but refuses what {model} is asked: {error}",
        ("sai kiểu: xem nhãn công tơ và sửa `model`; chương trình này không nhận ra nó là kiểu nào",),
        ("the wrong model: look at the label and correct `model`; this program does not recognise what it is",),
    ),
    "impossible": Words(
        "trả lời, nhưng số liệu không thể đúng: {error}",
        "it answers, but its figures cannot be: {error}",
        ("sai kiểu: xem nhãn công tơ và sửa `model`",
         "đúng kiểu: công tơ hỏng hoặc tỉ số biến dòng (CT) sai"),
        ("the wrong model: look at the label and correct `model`",
         "the right model: a broken meter, or a wrong CT ratio"),
    ),
    "twins": Words(
        "có lẽ hai thiết bị cùng mang địa chỉ {address}: câu trả lời nào cũng hỏng, còn thiết bị khác thì tốt",
        "two devices probably have the address {address}: every answer is damaged, while other devices' are sound",
        ("tháo dây A, B của một trong hai, chạy lại, rồi đổi địa chỉ của nó bằng --set-address hoặc nút trên công tơ",
         "nếu chỉ có một thiết bị ở địa chỉ này: dây của riêng nó lỏng, hoặc nó hỏng"),
        ("disconnect A and B of one of them, run this again, and give it another address (--set-address, or a button)",
         "if only one device has this address: its own wires are loose, or it is broken"),
    ),
    "other-setting": Words(
        "trả lời ở {found}, còn cổng {port} chạy {setting}",
        "it answers at {found}, while port {port} runs at {setting}",
        ("đặt thiết bị về {setting}: bằng nút trên thiết bị, hoặc --set-baud với SDM",
         "hoặc, nếu mọi thiết bị trên cổng đều vậy, sửa baudrate và parity của cổng"),
        ("set the device to {setting}: by its buttons, or with --set-baud for an SDM",
         "or, if all devices of the port are so, correct the port's baudrate and parity"),
    ),
    "other-address": Words(
        "không có gì ở địa chỉ {address}; một {model} trả lời ở địa chỉ {found}",
        "nothing is at address {address}; {model} answers at address {found}",
        ("đổi địa chỉ của nó: --set-address {found} {address} --model {model}, hoặc bằng nút trên công tơ",
         "hoặc ghi `address: {found}` vào cấu hình"),
        ("give it its address: --set-address {found} {address} --model {model}, or by its buttons",
         "or write `address: {found}` into the configuration"),
    ),
    "slow": Words(
        "trả lời sau {slow_s} giây: quá chậm, bộ điều khiển không chờ",
        "it answers after {slow_s} s: too late, the controller does not wait for it",
        ("thiết bị treo một phần: cắt điện nó vài giây rồi bật lại",
         "có bộ lặp hoặc bộ chuyển không dây trên đường không; thử nối thẳng"),
        ("the device hangs in part: take its power away for some seconds",
         "is there a repeater or a radio link in between; try without"),
    ),
    "dlt645": Words(
        "đang nói giao thức DL/T 645 thay vì Modbus (số công tơ {number}, nghe được ở {found})",
        "it speaks DL/T 645 in place of Modbus (meter number {number}, heard at {found})",
        ("trên công tơ, chọn giao thức Modbus trong menu cài đặt (Chint: mục PROT, chọn n.8.1), rồi chạy lại",),
        ("choose Modbus in the meter's menu (Chint: the item Prot, n.8.1) and run this again",),
    ),
    "dlt645-maybe": Words(
        "không trả lời Modbus; công tơ số {number} trên đường dây nói DL/T 645 ({found}): là nó hoặc {others}",
        "it does not answer Modbus; meter number {number} on the line speaks DL/T 645 ({found}): this one or {others}",
        ("số đó ghi trên mặt công tơ; chọn giao thức Modbus trong menu cài đặt của nó, rồi chạy lại",),
        ("the number is on the meter's face; choose Modbus in its menu and run this again",),
    ),
    "wrong-id": Words(
        "hỏi địa chỉ {address} thì địa chỉ {slave} trả lời",
        "address {address} is asked, and address {slave} answers",
        ("thiết bị hỏng hoặc có bộ chuyển đổi ở giữa; cắt điện nó vài giây, đặt lại địa chỉ",),
        ("the device is broken, or there is a gateway in between; take its power away for some seconds, set it anew",),
    ),
    "garbage": Words(
        "chỉ nhận được nhiễu ({bad} trong {asked} lần)",
        "only garbage comes back ({bad} of {asked} times)",
        ("A và B của riêng thiết bị này có bị đảo không",
         "tốc độ và parity trên màn hình của nó có phải {setting} không",
         "hai thiết bị cùng địa chỉ {address}: tháo một cái ra rồi chạy lại"),
        ("are A and B of this device swapped",
         "are the speed and parity that it shows {setting}",
         "two devices with the address {address}: disconnect one and run this again"),
    ),
    "silent": Words(
        "im lặng: không thấy ở địa chỉ {address}, ở tốc độ khác, hay ở địa chỉ khác",
        "silent: not at address {address}, not at another speed, not at another address",
        ("có điện không: màn hình có sáng không",
         "A và B có chắc không, có bị đảo ở riêng thiết bị này không",
         "địa chỉ và tốc độ trên màn hình có phải {address} và {setting} không (--scan tìm mọi địa chỉ)",
         "thử riêng thiết bị này với bộ chuyển; vẫn im lặng thì cổng RS-485 của nó hỏng"),
        ("does it have power: is its display lit",
         "are A and B firm, and not swapped at this one device",
         "are the address and speed that it shows {address} and {setting} (--scan looks at every address)",
         "try it alone with the adapter; if it stays silent, its RS-485 is broken"),
    ),
}  # fmt: skip
WORDS: Mapping[str, Words] = {**BUS, **MACHINE, **OUTPUTS}


def told(finding: Finding, language: Language) -> tuple[str, list[str]]:
    """What a finding says, and what to do about it, in order."""
    words = WORDS[finding.code]
    facts = dict(finding.data)
    if isinstance(values := facts.get("values"), Mapping):
        facts["told"] = figures(values, language)
    text, do = (words.vi, words.do_vi) if language == "vi" else (words.en, words.do_en)
    return text.format_map(facts), [line.format_map(facts) for line in do]


def figures(values: Mapping[str, float], language: Language = "en") -> str:
    """What most look for: `voltage_v 229.1, power_w 480, energy_kwh 5188.85`; of a board, the coils that are on."""
    if values and all(name.startswith("coil_") for name in values):
        on = [name.removeprefix("coil_") for name, value in values.items() if value]
        return f"{'rơ-le đang đóng' if language == 'vi' else 'relays on'}: {', '.join(on) or '-'}"
    chosen = [name for first in FIRST for name in values if name.startswith(first)]
    return ", ".join(f"{name} {values[name]:.7g}" for name in chosen or values)
