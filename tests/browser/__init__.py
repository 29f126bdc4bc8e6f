"""What a person sees: a real Home Assistant and the Ring cloud's page, in Chromium."""

import pytest

# What is asserted there is to be read when it fails, as in the tests themselves.
pytest.register_assert_rewrite("tests.browser.dialogs")
