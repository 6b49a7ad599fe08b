"""The words of the crop diary."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from zoneinfo import ZoneInfo

from edge.core.run_words import WHY
from edge.diary.gathering import Note
from edge.figures import Language, figure
from edge.shell.journal_runs import Share, Zone

NOTHING = "–"
PLAIN = {("cancelled", "person"), ("superseded", "newer")}  # whose outcome says why
WORDS: Mapping[Language, Mapping[str, str]] = {
    "vi": {
        "title": "Nhật ký tưới và chăm sóc", "period": "Từ ngày", "to": "đến ngày", "village": "Thôn",
        "plot": "Thửa", "area": "Khu", "site": "Địa điểm", "size": "Diện tích (m²)", "crop": "Cây trồng, giống",
        "planted": "Ngày trồng", "owner": "Hộ sản xuất", "date": "Ngày", "time": "Giờ tưới",
        "planned": "Dự kiến", "done": "Đã tưới", "litres": "Lượng nước (l)", "whose": "Lịch hoặc người mở",
        "ended": "Kết quả", "soil": "Độ ẩm đất (%)", "soil_temperature": "Nhiệt độ đất (°C)",
        "air": "Nhiệt độ khí (°C)", "humidity": "Độ ẩm khí (%)",
        "light": "Ánh sáng (nghìn lux)", "lux": "Ánh sáng (lux)",
        "day_of": "Số đo trong ngày: thấp nhất · trung bình · cao nhất", "water": "Tưới nước", "total": "Cộng",
        "times": "lần tưới", "left_out": "lần không tưới", "by_program": "theo lịch",
        "by_person": "do người mở", "month": "Tháng", "notes": "Thao tác tại van",
        "no_notes": "Không ai mở, đóng hay khóa van bằng tay.", "sensors": "Cảm biến", "code": "Mã đối chiếu",
        "rows": "dòng số liệu", "no_rows": "không còn dòng số liệu gốc", "check": "Kiểm tra lại",
        "made": "Lập lúc", "writer": "Người ghi chép", "head": "Trưởng thôn", "inspector": "Người kiểm tra",
        "sign": "(ký, ghi rõ họ tên)", "not_over": "Kỳ này chưa hết; mã sẽ khác khi hết kỳ.", "minutes": "phút",
        "uncounted": "không kể những lần không đếm được lít", "program": "Lịch", "started": "Bắt đầu",
        "finished": "Kết thúc", "planned_min": "Dự kiến (phút)", "planned_l": "Dự kiến (l)",
        "done_min": "Đã tưới (phút)", "user": "Người mở", "why": "Lý do", "min": "thấp nhất",
        "mean": "trung bình", "max": "cao nhất",
        "run": "Mã lượt tưới",
    },
    "en": {
        "title": "Crop and watering diary", "period": "From", "to": "to", "village": "Village", "plot": "Plot",
        "area": "Area", "site": "Place", "size": "Size (m²)", "crop": "Crop, variety", "planted": "Planted on",
        "owner": "Grower", "date": "Date", "time": "Watered", "planned": "Planned", "done": "Done",
        "litres": "Water (l)", "whose": "Program or person", "ended": "Outcome", "soil": "Soil moisture (%)",
        "soil_temperature": "Soil (°C)", "air": "Air (°C)", "humidity": "Humidity (%)",
        "light": "Light (1,000 lux)", "lux": "Light (lux)",
        "day_of": "Sensors that day: least · mean · most", "water": "Watering", "total": "Sum",
        "times": "waterings", "left_out": "left out", "by_program": "by programs", "by_person": "by people",
        "month": "Month", "notes": "At the valve", "no_notes": "Nobody opened, closed or locked the valve.",
        "sensors": "Sensors", "code": "Code", "rows": "rows of the history",
        "no_rows": "its rows have left the history", "check": "To check", "made": "Made at",
        "writer": "Kept by", "head": "Village head", "inspector": "Inspector", "sign": "(signature, full name)",
        "not_over": "This time is not over; the code will be another then.", "minutes": "min",
        "uncounted": "without those that nothing counted", "program": "Program", "started": "Began",
        "finished": "Ended", "planned_min": "Planned (min)", "planned_l": "Planned (l)",
        "done_min": "Done (min)", "user": "Opened by", "why": "Why", "min": "least", "mean": "mean",
        "max": "most", "run": "Run",
    },
}  # fmt: skip
OUTCOMES: Mapping[Language, Mapping[str, str]] = {
    "vi": {"done": "xong", "cut_short": "dở dang", "skipped": "bỏ qua", "missed": "lỡ", "cancelled": "có người dừng",
           "superseded": "lệnh mới thay", "": "đang chạy"},
    "en": {"done": "done", "cut_short": "cut short", "skipped": "skipped", "missed": "missed", "cancelled": "stopped",
           "superseded": "superseded", "": "under way"},
}  # fmt: skip
ACTIONS: Mapping[Language, Mapping[str, str]] = {
    "vi": {"open": "mở van", "close": "đóng van", "auto": "trả về tự động", "pause": "tạm dừng", "resume": "tưới tiếp",
           "skip": "bỏ qua thửa này", "lock": "khóa, đang sửa", "unlock": "mở khóa"},
    "en": {"open": "opened", "close": "closed", "auto": "gave back to its programs", "pause": "paused",
           "resume": "resumed", "skip": "skipped", "lock": "locked", "unlock": "unlocked"},
}  # fmt: skip


def outcome(zone: Zone, language: Language) -> str:
    """How it ended, and why where that is not a matter of course."""
    ended = OUTCOMES[language].get(zone.outcome or "", zone.outcome or "")
    why = "" if (zone.outcome, zone.why) in PLAIN else reason(zone, language)
    return f"{ended}: {why}" if why and zone.outcome != "done" else ended


def reason(zone: Zone, language: Language) -> str:
    """Why it ended so; empty where nothing was noted."""
    vi, en = WHY.get(zone.why, (zone.why, zone.why))
    return vi if language == "vi" else en


def whose(share: Share) -> str:
    """The program or the person that it was watered for."""
    return share.run.program or share.run.user or NOTHING


def noted(note: Note, language: Language) -> str:
    """`head: opened`, with what was written to it."""
    what = ACTIONS[language].get(note.action, note.action)
    return f"{note.user}: {what}" + (f" ({note.text})" if note.text else "")


def planned(zone: Zone, language: Language) -> str:
    """200 l, or 20 min; nothing where neither is known."""
    if zone.planned_l is not None:
        return f"{figure(zone.planned_l, 0, language)} l"
    return NOTHING if zone.planned_s is None else minutes(zone.planned_s, language)


def minutes(seconds: float, language: Language) -> str:
    """Seconds as 20 min, or with a decimal where they are no whole minutes."""
    whole = abs(seconds / 60 - round(seconds / 60)) < 0.05
    return f"{figure(seconds / 60, 0 if whole else 1, language)} {WORDS[language]['minutes']}"


def clock(at: float | None, zone: ZoneInfo) -> str:
    """05:10, by the village's clock."""
    return NOTHING if at is None else f"{dt.datetime.fromtimestamp(at, zone):%H:%M}"
