"""A voice agent that is called over WebSockets: bots, ways to serve them, and callers."""
