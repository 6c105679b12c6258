"""The colours of pages, in light and in dark: after Okabe and Ito, told apart by every kind of sight.

What lies on a colour is readable: tests compute the contrast of each pair that the style names.
"""

from __future__ import annotations

LIGHT = {
    "page": "#ffffff", "card": "#f7f8fa", "ink": "#16191d", "quiet": "#515b66", "rule": "#cfd5dc", "link": "#005a8f",
    "ground": "#e6e9ee", "open": "#ffffff", "edge": "#8d97a3",
    "booking": "#0072b2", "on-booking": "#ffffff",
    "hold": "#e69f00", "on-hold": "#1d1400", "hold-edge": "#8a5f00",
    "buffer": "#b9def4", "buffer-edge": "#2a7fb0",
    "closure": "#f6ddcd", "closure-edge": "#b34e00",
    "blocked": "#f0d5e4", "blocked-edge": "#97437a", "on-blocked": "#3d1230",
    "placed": "#f0e442", "on-placed": "#1f1d00", "placed-edge": "#7a7300",
    "offer": "#00795a",
    "heat-0": "#0b3c6f", "on-heat-0": "#ffffff", "heat-1": "#2a6ca8", "on-heat-1": "#ffffff",
    "heat-2": "#8fbfe0", "on-heat-2": "#0b1c2c", "heat-3": "#c3ddf0", "on-heat-3": "#0b1c2c",
    "heat-4": "#e9f3fa", "on-heat-4": "#0b1c2c",
    "alert": "#fdeee6", "on-alert": "#7a2e00", "done": "#e2f3ec", "on-done": "#00543e",
    "button": "#005a8f", "on-button": "#ffffff",
}  # fmt: skip

DARK = {
    "page": "#14171b", "card": "#1b1f24", "ink": "#e9ecef", "quiet": "#a9b3bd", "rule": "#3a424b", "link": "#7cc4ee",
    "ground": "#1f242a", "open": "#343c45", "edge": "#76818c",
    "booking": "#4aa3df", "on-booking": "#04121d",
    "hold": "#e69f00", "on-hold": "#1d1400", "hold-edge": "#ffc14d",
    "buffer": "#1f4d69", "buffer-edge": "#7cc4ee",
    "closure": "#41281a", "closure-edge": "#ff9a57",
    "blocked": "#452a39", "blocked-edge": "#e29bc2", "on-blocked": "#fbe6f1",
    "placed": "#f0e442", "on-placed": "#1f1d00", "placed-edge": "#fff59a",
    "offer": "#3ccf9f",
    "heat-0": "#cfe6fa", "on-heat-0": "#0b1c2c", "heat-1": "#7fb6e0", "on-heat-1": "#0b1c2c",
    "heat-2": "#2f6591", "on-heat-2": "#ffffff", "heat-3": "#24435e", "on-heat-3": "#ffffff",
    "heat-4": "#1b2733", "on-heat-4": "#e9ecef",
    "alert": "#41281a", "on-alert": "#ffd9c2", "done": "#12382c", "on-done": "#b9f2dd",
    "button": "#7cc4ee", "on-button": "#04121d",
}  # fmt: skip


def variables(colours: dict[str, str]) -> str:
    """As custom properties of CSS."""
    return "".join(f"--{name}:{value};" for name, value in colours.items())
