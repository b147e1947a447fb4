"""What clients send and get, once for HTTP and Socket.IO.

A file holds one topic: the structs of the messages, and the functions that fill them. The OpenAPI
and the AsyncAPI document are made from the structs, so descriptions and limits are written here
only.
"""
