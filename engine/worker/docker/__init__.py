"""Jobs in containers of a Docker Engine: boxes, images, services, networks. Nobody else names its library."""
