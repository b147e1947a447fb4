"""Where clients come in: HTTP, Socket.IO and the command line, wired by one container."""
