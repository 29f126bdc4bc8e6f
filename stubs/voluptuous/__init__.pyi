# At run time Home Assistant puts its own validator in this name's place; type checkers have to be told.
from probatio import *
