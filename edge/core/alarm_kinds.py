"""Every alarm there is; docs/en/alarms.md and docs/vi/alarms.md say what each means and what to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of alarm. Its condition must hold for `hold_s` before it is raised, and be away for `clear_s` before it
    is cleared. Texts may name `{name}` (the device's) and the keys of the data."""

    severity: str
    hold_s: float
    clear_s: float
    vi: str
    en: str


KINDS: Mapping[str, Kind] = {
    "device-silent": Kind(
        "warning", 30, 30, "{name} không trả lời", "{name} does not answer"
    ),
    "reading-frozen": Kind(
        "warning", 30, 30, "{name} vẫn trả lời nhưng {why_vi} đứng yên", "{name} answers, but {why} stands still"
    ),
    "clock-untrusted": Kind(
        "warning", 120, 0, "Đồng hồ của tủ chưa chắc đúng giờ; đèn được bật cho an toàn",
        "The cabinet's clock is not confirmed; lights are lit to be safe",
    ),
    "journal-failing": Kind(
        "critical", 10, 10, "Không ghi được vào thẻ nhớ: {why}", "The memory card cannot be written: {why}"
    ),
    "switching-capped": Kind(
        "warning", 0, 60, "{name} bị bật tắt quá nhiều lần", "{name} is switched too often"
    ),
    "stuck-on": Kind(
        "critical", 3, 10, "{name}: mạch {circuits} không tắt được", "{name}: circuit {circuits} does not go off"
    ),
    "stuck-off": Kind(
        "warning", 3, 10, "{name}: mạch {circuits} không bật được", "{name}: circuit {circuits} does not come on"
    ),
    "feedback-disagrees": Kind(
        "warning", 3, 10, "{name}: tiếp điểm báo của mạch {circuits} sai với công tơ",
        "{name}: the feedback of circuit {circuits} says something else than the meter",
    ),
    "hand-on": Kind(
        "info", 3, 3, "Công tắc {name} ở tủ đang ở vị trí bằng tay", "The cabinet's switch {name} stands on hand"
    ),
    "door-open": Kind("warning", 5, 5, "Cửa tủ đang mở ({name})", "The cabinet's door is open ({name})"),
    "mains-lost": Kind("critical", 5, 10, "Mất điện lưới ({name})", "The mains are away ({name})"),
    "photocell-stuck": Kind(
        "warning", 3, 10, "Cảm biến ánh sáng {name} bị kẹt, lúc nào cũng báo {why_vi}; đèn theo giờ mặt trời",
        "The photocell {name} is stuck, it says {why} all the time; lights follow the sun's times",
    ),
    "input-failing": Kind(
        "warning", 10, 10, "Không đọc được đầu vào {name}: {why}", "The input {name} cannot be read: {why}"
    ),
    "configuration-fallback": Kind(
        "critical", 0, 0, "Cấu hình có lỗi, đang dùng bản tốt trước đó: {why}",
        "The configuration has errors, the last good one is in use: {why}",
    ),
    "program-unreadable": Kind(
        "warning", 0, 0, "Lịch đã đổi nay không dùng được, đang theo tệp cấu hình: {why}",
        "A program that was changed cannot be used now, the file stands: {why}",
    ),
    "history-failing": Kind(
        "warning", 0, 10, "Không lưu được số liệu vào thẻ nhớ: {why}", "The history cannot be kept: {why}"
    ),
    "message-refused": Kind(
        "warning", 0, 10, "Broker không nhận một số bản tin: {why}",
        "The broker does not take some messages: {why}",
    ),
    "sink-refused": Kind(
        "warning", 0, 10, "{name} không nhận số liệu: {why}", "{name} refuses the readings: {why}"
    ),
    "rows-set-aside": Kind(
        "warning", 0, 0, "{name} không nhận {rows} dòng số liệu, đã để riêng: {why}",
        "{name} would not take {rows} rows, they are set aside: {why}",
    ),
    "leases-expired": Kind(
        "critical", 0, 0, "Bộ điều khiển bị treo, đã tự tắt {why} (lần thứ {rows})",
        "The controller hung, {why} was turned off for it ({rows} so far)",
    ),
    "safe-mode": Kind(
        "critical", 0, 0,
        "Bộ điều khiển hỏng liên tục ({why_vi}), đang chạy chế độ an toàn: không tưới, không theo lịch, chỉ tắt được. "
        "Sau {minutes} phút tự thử lại. Gọi thợ",
        "The controller ended again and again ({why}). Safe mode: no watering, no programs, only OFF works. Normal "
        "operation is tried again after {minutes} min. Call a technician",
    ),
    "core-failing": Kind(
        "critical", 0, 10, "{name}: bộ điều khiển gặp lỗi phần mềm, đang thử lại: {why}",
        "{name}: the controller's software failed, it is tried again: {why}",
    ),
    "not-closing": Kind(
        "critical", 3, 10, "{name} không tắt được: {why}", "{name} does not go off: {why}"
    ),
    "not-opening": Kind(
        "warning", 3, 10, "{name} không bật được: {why}", "{name} does not come on: {why}"
    ),
    "level-stop": Kind(
        "warning", 3, 10, "{name} dừng vì {why_vi}", "{name} stands because {why}"
    ),
    "budget-exhausted": Kind(
        "warning", 0, 60, "{name} đã chạy hết giờ cho phép trong 24 giờ",
        "{name} has run for as long as 24 hours allow",
    ),
    "run-cut-short": Kind(
        "warning", 0, 0, "Lượt tưới {name} bị cắt ngang: {why_vi}", "The run of {name} was cut short: {why}"
    ),
    "run-missed": Kind(
        "warning", 0, 0, "Lượt tưới {name} bị lỡ: {why_vi}", "A run of {name} was missed: {why}"
    ),
    "flow-none": Kind(
        "critical", 0, 0, "Không có nước qua {name}: giếng cạn, hỏng bơm hoặc tắc ống",
        "No water comes through {name}: a dry well, a dead pump or a blocked pipe",
    ),
    "flow-low": Kind(
        "warning", 0, 0, "{name} chảy yếu: {l_min} l/phút, thường {normal_l_min}: có thể tắc đầu nhỏ giọt",
        "{name} flows weakly: {l_min} l/min, normally {normal_l_min}: perhaps a blocked dripper",
    ),
    "flow-high": Kind(
        "critical", 0, 0, "{name} chảy quá mạnh: {l_min} l/phút, thường {normal_l_min}: có thể vỡ ống",
        "{name} flows far too fast: {l_min} l/min, normally {normal_l_min}: perhaps a burst pipe",
    ),
    "leak": Kind(
        "critical", 0, 10, "Rò nước phía sau {name}: {l_min} l/phút khi mọi van đã đóng",
        "A leak behind {name}: {l_min} l/min while every valve is closed",
    ),
    "rows-dropped": Kind(
        "warning", 0, 0, "{rows} dòng số liệu đã xóa trước khi {name} nhận",
        "{rows} rows were dropped before {name} had them",
    ),
}

SAFE_MODE = "safe-mode"  # raised by safe mode alone: wherever it is not open, it is over
HEARD_ANEW = frozenset({"journal-failing", "history-failing", "sink-refused", "message-refused"})  # by each process
