"""The ways in: WebSocket, REST, gRPC and web pages. A face never decides a rule or a permission."""
