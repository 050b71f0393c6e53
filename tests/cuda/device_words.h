// Lets the host's compiler read device code that needs no device.
#pragma once

#define __host__
#define __device__
