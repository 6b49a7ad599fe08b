"""Why a run or a zone did not go as planned, and why a pump must not run: one closed table, for alarms and the page."""

from __future__ import annotations

from collections.abc import Mapping

WHY: Mapping[str, tuple[str, str]] = {
    "rain": ("trời đang mưa", "it rains"),
    "rain-delay": ("trời vừa mưa", "it has rained lately"),
    "put-off": ("có người hoãn tưới", "somebody put watering off"),
    "soil-wet": ("đất còn ướt", "the soil is wet"),
    "person": ("có người dừng", "somebody ended it"),
    "newer": ("có lệnh mới hơn", "a newer command took its place"),
    "power-cut": ("mất điện", "the power was cut"),
    "late": ("quá giờ cho phép mà chưa tưới xong", "its latest end passed before all was watered"),
    "away": ("bộ điều khiển tắt hoặc chưa chắc giờ", "the controller was off, or its clock not confirmed"),
    "budget": ("van hoặc bơm đã hết giờ chạy cho phép", "the valve or pump has run for as long as it may"),
    "flow-none": ("mở van mà không có nước", "no water flowed"),
    "flow-high": ("nước chảy quá mạnh, có thể vỡ ống", "water flowed far too fast, perhaps a burst pipe"),
    "leak": ("rò nước", "there is a leak"),
    "output-failed": ("van hoặc bơm không nghe lệnh", "the valve or pump does not obey"),
    "restored": ("vừa khôi phục từ bản sao lưu", "a backup was put back"),
    "removed": ("van không còn trong cấu hình", "the valve is in the configuration no more"),
    "tank-empty": ("bể cạn", "the tank is empty"),
    "tank-full": ("bể đầy", "the tank is full"),
    "tank-unknown": ("không biết mức nước trong bể", "the tank's level is not known"),
    "tank-settling": ("mức nước trong bể vừa mới trở lại", "the tank's level has been right for less than a minute"),
}  # code -> Vietnamese, English


def words(why: str) -> dict[str, object]:
    """The `why` of an alarm, in both languages."""
    vi, en = WHY[why]
    return {"why": en, "why_vi": vi}
