"""What a person sees: a real Home Assistant and the Ring cloud's page, in Chromium."""
