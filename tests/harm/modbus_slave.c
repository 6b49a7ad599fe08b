/* A Modbus RTU slave that shares no line with this program: libmodbus answers from a table of registers.
 *
 * modbus_slave DEVICE ADDRESS TABLE: the table, in this machine's byte order, holds four 32-bit numbers (holding
 * registers from 0, input registers from 0, named registers n, scenes s), n 16-bit addresses, and s times n 16-bit
 * words. The k-th question that arrives is answered from scene k % s, so that every answer shows which question it
 * answers. Registers without a name are 0.
 */
#include <errno.h>
#include <modbus.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static void *read_items(FILE *file, size_t size, size_t count) {
    void *items = malloc(size * count + 1);
    if (items == NULL || fread(items, size, count, file) != count) {
        fprintf(stderr, "the table is cut\n");
        exit(1);
    }
    return items;
}

int main(int argc, char **argv) {
    if (argc != 4) {
        fprintf(stderr, "usage: modbus_slave DEVICE ADDRESS TABLE\n");
        return 2;
    }
    FILE *file = fopen(argv[3], "rb");
    if (file == NULL) {
        perror(argv[3]);
        return 1;
    }
    uint32_t *head = read_items(file, sizeof(uint32_t), 4);
    uint32_t named = head[2], scenes = head[3];
    uint16_t *addresses = read_items(file, sizeof(uint16_t), named);
    uint16_t *words = read_items(file, sizeof(uint16_t), (size_t)named * scenes);
    fclose(file);

    modbus_t *line = modbus_new_rtu(argv[1], 115200, 'N', 8, 1);
    modbus_mapping_t *map = modbus_mapping_new(0, 0, (int)head[0], (int)head[1]);
    if (line == NULL || map == NULL || modbus_set_slave(line, atoi(argv[2])) || modbus_connect(line)) {
        fprintf(stderr, "libmodbus: %s\n", modbus_strerror(errno));
        return 1;
    }
    modbus_set_response_timeout(line, 0, 1000); /* it sleeps that long before it refuses */
    puts("ready");
    fflush(stdout);

    uint8_t query[MODBUS_RTU_MAX_ADU_LENGTH];
    for (uint32_t asked = 0;;) {
        int length = modbus_receive(line, query);
        if (length < 0 && (errno == EIO || errno == ENXIO || errno == EBADF || errno == ECONNRESET)) {
            break; /* the line was taken away */
        }
        if (length <= 0) {
            continue;
        }
        const uint16_t *scene = words + (size_t)(asked++ % scenes) * named;
        for (uint32_t i = 0; i < named; i++) {
            if (addresses[i] < map->nb_registers) {
                map->tab_registers[addresses[i]] = scene[i];
            }
            if (addresses[i] < map->nb_input_registers) {
                map->tab_input_registers[addresses[i]] = scene[i];
            }
        }
        modbus_reply(line, query, length, map);
    }
    modbus_mapping_free(map);
    modbus_free(line);
    return 0;
}
