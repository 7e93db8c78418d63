# One design node with a backup policy: a set each working day at 6:15, made while
# DSS is stopped as briefly as the file system allows.
#
#   dssctl plan                            shows that the first set is due
#   dssctl apply                           makes it, and installs the schedule
#   dssctl backup list
#   dssctl backup restore instance.design  brings the newest one back

variable "data_dir" {
  type    = string
  default = "/data/dataiku/design"
}

variable "destination" {
  type        = string
  description = "The folder of the sets, on another volume than the data directory."
  default     = "/backups/design"
}

variable "schedule" {
  type        = string
  description = "Five fields as in a crontab; null for none."
  default     = "15 6 * * 1-5"
}

instance "design" {
  data_dir = var.data_dir

  backup "nightly" {
    destination = var.destination
    schedule    = var.schedule
    exclude     = ["temporary", "logs", "exports"]
    max_age     = "74h" # from Friday to Monday, and a little

    verify_every       = "7d"
    restore_test_every = "30d"

    retention {
      keep_last    = 3
      keep_daily   = 7
      keep_weekly  = 4
      keep_monthly = 6
    }
  }
}
