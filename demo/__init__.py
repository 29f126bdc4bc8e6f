"""The demo: a local Ring cloud and a real Home Assistant, linked, on loopback."""
