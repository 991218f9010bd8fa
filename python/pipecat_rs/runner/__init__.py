"""Running bots: what a bot is given, servers that run one for each connection, and its tools."""
