# One design node whose runtime databases move to PostgreSQL.
#
#   export DSSCTL_VAR_pg_password=…
#   dssctl plan
#   dssctl apply

variable "data_dir" {
  type        = string
  default     = "/data/dataiku/design"
  description = "The data directory of the instance."
}

variable "pg_host" {
  type        = string
  default     = "pg.internal"
  description = "The PostgreSQL server."
}

variable "pg_port" {
  type    = number
  default = 5432
}

variable "pg_password" {
  type        = string
  sensitive   = true
  description = "The password of the role dss."
}

instance "design" {
  data_dir  = var.data_dir
  node_type = "design"

  runtime_database "postgresql" {
    host         = var.pg_host
    port         = var.pg_port
    database     = "dss"
    schema       = "dss_runtime"
    table_prefix = "design_"
    user         = "dss"
    password     = var.pg_password
  }

  general_settings = {
    maxRunningActivities = 20
  }

  install_ini = {
    javaopts = {
      "backend.xmx" = "8g"
    }
  }
}
