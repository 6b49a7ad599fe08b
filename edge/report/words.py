"""The words of the month's report."""

from __future__ import annotations

from edge.figures import Language

WORDS: dict[Language, dict[str, str]] = {
    "vi": {
        "title": "Điện năng tháng", "made": "Lập lúc", "so_far": "tháng chưa hết, tính đến lúc lập",
        "meter": "Công tơ", "energy": "Điện năng (kWh)", "guessed": "trong đó ước tính", "cost": "Tiền điện",
        "vat": "trong đó thuế GTGT", "before": "Tháng trước (kWh)", "against": "So với tháng trước (kWh)",
        "measured": "Thời gian đo được", "total": "Cộng", "days": "kWh mỗi ngày", "counted": "công tơ đếm",
        "interpolated": "ước tính trong lúc không đọc được", "blank": "× không có số liệu",
        "bills": "Hóa đơn giấy", "period": "Kỳ hóa đơn", "counted_kwh": "Công tơ đếm (kWh)",
        "counted_amount": "Tiền điện tính được", "none": "không có", "alarms": "Cảnh báo đang mở",
        "over": "đã hết, chưa ai báo đã biết", "from": "Từ ngày", "to": "Đến hết ngày", "kind": "Loại",
        "month": "tháng", "last_month": "tháng trước", "day": "ngày", "billing": "kỳ hóa đơn", "name": "Tên",
        "kwh": "kWh", "interpolated_kwh": "kWh ước tính", "measured_pct": "Đo được (%)", "amount": "Tiền điện",
        "vat_pct": "Thuế GTGT (%)", "bill_kwh": "Hóa đơn (kWh)", "bill_amount": "Hóa đơn (tiền)",
        "more_kwh": "Chênh lệch (kWh)", "more_amount": "Chênh lệch (tiền)", "currency": "Đơn vị tiền",
        "note": "Tiền điện đã gồm thuế GTGT, tính theo biểu giá trong tủ điều khiển; hóa đơn của điện lực mới là "
                "căn cứ thanh toán. Chênh lệch là hóa đơn trừ số công tơ của làng đếm được: + là hóa đơn nhiều hơn.",
    },
    "en": {
        "title": "Electricity in", "made": "Made at", "so_far": "the month is not over; up to then",
        "meter": "Meter", "energy": "Energy (kWh)", "guessed": "of which estimated", "cost": "Cost",
        "vat": "of which VAT", "before": "Month before (kWh)", "against": "Against the month before (kWh)",
        "measured": "Time measured", "total": "Sum", "days": "kWh a day", "counted": "counted",
        "interpolated": "estimated while nothing was read", "blank": "× nothing is known",
        "bills": "Paper bills", "period": "Billing period", "counted_kwh": "Counted (kWh)",
        "counted_amount": "Cost by the tariff", "none": "none", "alarms": "Open alarms",
        "over": "over, nobody has acknowledged it", "from": "From", "to": "To (that day included)", "kind": "Of",
        "month": "month", "last_month": "month before", "day": "day", "billing": "billing period", "name": "Name",
        "kwh": "kWh", "interpolated_kwh": "kWh estimated", "measured_pct": "Measured (%)", "amount": "Cost",
        "vat_pct": "VAT (%)", "bill_kwh": "Bill (kWh)", "bill_amount": "Bill (money)",
        "more_kwh": "Difference (kWh)", "more_amount": "Difference (money)", "currency": "Currency",
        "note": "Cost includes VAT and follows the tariff in the controller; what is owed is what the supplier's bill "
                "says. The difference is the bill less what the village's own meter counted: + is a bill that says "
                "more.",
    },
}  # fmt: skip
