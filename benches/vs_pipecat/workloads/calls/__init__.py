"""A voice agent that is called over WebSockets: the bots, the ways to serve them, and the callers."""
