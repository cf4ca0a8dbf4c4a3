#include "targets/cost/Cost.h"
