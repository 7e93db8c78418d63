# An automation node as we run it.

variable "data_dir" {
  type = string
}

variable "port" {
  type = number

  validation {
    condition     = var.port % 10 == 0
    error_message = "Base ports are multiples of ten here."
  }
}

variable "heap" {
  type        = string
  description = "The memory of the backend."
}

instance "node" {
  data_dir  = var.data_dir
  node_type = "automation"
  port      = var.port

  install_ini = {
    javaopts = { "backend.xmx" = var.heap }
  }

  general_settings = {
    maxRunningActivities = 20
  }
}

output "url" {
  value = "http://localhost:${instance.node.port}"
}
