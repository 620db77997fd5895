"""What live tests start and drive: servers, clients, brokers, proxies, terminals."""
