"""Every view of the page by its address, for what must be so on all of them. `evening` of fake_village has all of it."""

from __future__ import annotations

VIEWS = {
    "home": "#/home",
    "lights": "#/lights",
    "light": "#/lights/main-road",
    "programs": "#/programs",
    "program-light": "#/programs/street",
    "program-water": "#/programs/morning-water",
    "program-climate": "#/programs/cool",
    "water": "#/water",
    "plot": "#/water/plot-1",
    "diary": "#/water/plot-1/diary",
    "pump": "#/water/pump-1",
    "crops": "#/crops",
    "sensor": "#/crops/air-1",
    "switch": "#/crops/greenhouse-fan",
    "energy": "#/energy",
    "meter": "#/energy/cabinet-1",
    "report": "#/energy/report/2026-10",
    "alarms": "#/alarms",
    "alarm": "#/alarms/flow-high:valve:plot-3",
    "log": "#/log",
    "technician": "#/technician",
    "more": "#/more",
    "villages": "#/villages",
}
