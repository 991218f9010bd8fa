"""Smart turn: networks that hear whether somebody has finished."""
