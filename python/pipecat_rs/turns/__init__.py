"""Turn taking: when the user's turn starts and stops, when the user is muted or idle."""
