"""The sockets: connections, what each may cost, and the delivery of every answer."""
