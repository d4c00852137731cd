-- For Prosody 0.12: what its configuration needs beside its own hosts. The gateway's side is causeway.yaml.

component_ports = { 5347 }
component_interfaces = { "127.0.0.1" }

VirtualHost "example.org"
  -- "ping" must be enabled: its answers show the gateway that the server has taken a message.
  modules_enabled = { "ping" }

-- CPM users: alice@cpm.example.org
Component "cpm.example.org"
  component_secret = "component-secret"

-- Files of CPM users
Component "upload.example.org" "http_file_share"
  -- As soon as there is a list, the users of the server have to be in it as well.
  http_file_share_access = { "example.org", "cpm.example.org" }
