/*
 * Those declarations of TensorFlow's public C API that the addon of @tensorflow/tfjs-node 4.22.0 uses, and no others.
 *
 * The library of Maven Central comes without headers. The C API's binary interface is stable within TensorFlow 2, so the
 * names, argument types and numbers below are all that a compiler needs. They serve under each of the header names
 * that the addon includes (see addon.mjs).
 */
#ifndef HIERAX_TENSORFLOW_C_H
#define HIERAX_TENSORFLOW_C_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Opaque objects: made, passed on and deleted by the library. */
typedef struct TF_DeviceList TF_DeviceList;
typedef struct TF_Graph TF_Graph;
typedef struct TF_Operation TF_Operation;
typedef struct TF_Session TF_Session;
typedef struct TF_SessionOptions TF_SessionOptions;
typedef struct TF_Status TF_Status;
typedef struct TF_Tensor TF_Tensor;
typedef struct TFE_Context TFE_Context;
typedef struct TFE_ContextOptions TFE_ContextOptions;
typedef struct TFE_Op TFE_Op;
typedef struct TFE_TensorHandle TFE_TensorHandle;

/* Element types. The numbers are TensorFlow's DataType on the wire. */
typedef enum TF_DataType {
  TF_FLOAT = 1,
  TF_DOUBLE = 2,
  TF_INT32 = 3,
  TF_UINT8 = 4,
  TF_INT16 = 5,
  TF_INT8 = 6,
  TF_STRING = 7,
  TF_COMPLEX64 = 8,
  TF_COMPLEX = TF_COMPLEX64,
  TF_INT64 = 9,
  TF_BOOL = 10,
  TF_QINT8 = 11,
  TF_QUINT8 = 12,
  TF_QINT32 = 13,
  TF_BFLOAT16 = 14,
  TF_QINT16 = 15,
  TF_QUINT16 = 16,
  TF_UINT16 = 17,
  TF_COMPLEX128 = 18,
  TF_HALF = 19,
  TF_RESOURCE = 20,
  TF_VARIANT = 21,
  TF_UINT32 = 22,
  TF_UINT64 = 23
} TF_DataType;

/* Outcome of a call: the canonical codes, of which the addon asks for TF_OK only. */
typedef enum TF_Code {
  TF_OK = 0,
  TF_CANCELLED = 1,
  TF_UNKNOWN = 2,
  TF_INVALID_ARGUMENT = 3,
  TF_DEADLINE_EXCEEDED = 4,
  TF_NOT_FOUND = 5,
  TF_ALREADY_EXISTS = 6,
  TF_PERMISSION_DENIED = 7,
  TF_RESOURCE_EXHAUSTED = 8,
  TF_FAILED_PRECONDITION = 9,
  TF_ABORTED = 10,
  TF_OUT_OF_RANGE = 11,
  TF_UNIMPLEMENTED = 12,
  TF_INTERNAL = 13,
  TF_UNAVAILABLE = 14,
  TF_DATA_LOSS = 15,
  TF_UNAUTHENTICATED = 16
} TF_Code;

/* Kinds of an operation's attributes. */
typedef enum TF_AttrType {
  TF_ATTR_STRING = 0,
  TF_ATTR_INT = 1,
  TF_ATTR_FLOAT = 2,
  TF_ATTR_BOOL = 3,
  TF_ATTR_TYPE = 4,
  TF_ATTR_SHAPE = 5,
  TF_ATTR_TENSOR = 6,
  TF_ATTR_PLACEHOLDER = 7,
  TF_ATTR_FUNC = 8
} TF_AttrType;

/* A serialised protocol buffer. */
typedef struct TF_Buffer {
  const void *data;
  size_t length;
  void (*data_deallocator)(void *data, size_t length);
} TF_Buffer;

/* One output of an operation of a graph. */
typedef struct TF_Output {
  TF_Operation *oper;
  int index;
} TF_Output;

/* An element of a string tensor: 24 bytes, aligned to 8, read and written by the functions below alone. */
typedef struct TF_TString {
  uint64_t opaque[3];
} TF_TString;

void TF_StringInit(TF_TString *string);
void TF_StringCopy(TF_TString *to, const char *from, size_t size);
const char *TF_StringGetDataPointer(const TF_TString *string);
size_t TF_StringGetSize(const TF_TString *string);
void TF_StringDealloc(TF_TString *string);

/* The addon calls them by the names of an inline header; the library exports them without the second T. */
#define TF_TString_Init TF_StringInit
#define TF_TString_Copy TF_StringCopy
#define TF_TString_GetDataPointer TF_StringGetDataPointer
#define TF_TString_GetSize TF_StringGetSize
#define TF_TString_Dealloc TF_StringDealloc

const char *TF_Version(void);
size_t TF_DataTypeSize(TF_DataType type);

TF_Status *TF_NewStatus(void);
void TF_DeleteStatus(TF_Status *status);
TF_Code TF_GetCode(const TF_Status *status);
const char *TF_Message(const TF_Status *status);

TF_Buffer *TF_NewBuffer(void);
TF_Buffer *TF_NewBufferFromString(const void *proto, size_t length);
void TF_DeleteBuffer(TF_Buffer *buffer);

TF_Tensor *TF_NewTensor(TF_DataType type, const int64_t *dims, int num_dims, void *data, size_t length,
                        void (*deallocator)(void *data, size_t length, void *argument), void *deallocator_argument);
TF_Tensor *TF_AllocateTensor(TF_DataType type, const int64_t *dims, int num_dims, size_t length);
void TF_DeleteTensor(TF_Tensor *tensor);
TF_DataType TF_TensorType(const TF_Tensor *tensor);
int TF_NumDims(const TF_Tensor *tensor);
int64_t TF_Dim(const TF_Tensor *tensor, int index);
int64_t TF_TensorElementCount(const TF_Tensor *tensor);
size_t TF_TensorByteSize(const TF_Tensor *tensor);
void *TF_TensorData(const TF_Tensor *tensor);

TF_Graph *TF_NewGraph(void);
void TF_DeleteGraph(TF_Graph *graph);
TF_Operation *TF_GraphOperationByName(TF_Graph *graph, const char *name);

TF_SessionOptions *TF_NewSessionOptions(void);
void TF_DeleteSessionOptions(TF_SessionOptions *options);
TF_Session *TF_LoadSessionFromSavedModel(const TF_SessionOptions *options, const TF_Buffer *run_options,
                                         const char *folder, const char *const *tags, int num_tags, TF_Graph *graph,
                                         TF_Buffer *meta_graph, TF_Status *status);
void TF_DeleteSession(TF_Session *session, TF_Status *status);
void TF_SessionRun(TF_Session *session, const TF_Buffer *run_options, const TF_Output *inputs,
                   TF_Tensor *const *input_values, int num_inputs, const TF_Output *outputs, TF_Tensor **output_values,
                   int num_outputs, const TF_Operation *const *targets, int num_targets, TF_Buffer *run_metadata,
                   TF_Status *status);

int TF_DeviceListCount(const TF_DeviceList *list);
const char *TF_DeviceListName(const TF_DeviceList *list, int index, TF_Status *status);
const char *TF_DeviceListType(const TF_DeviceList *list, int index, TF_Status *status);
void TF_DeleteDeviceList(TF_DeviceList *list);

TFE_ContextOptions *TFE_NewContextOptions(void);
void TFE_DeleteContextOptions(TFE_ContextOptions *options);
TFE_Context *TFE_NewContext(const TFE_ContextOptions *options, TF_Status *status);
void TFE_DeleteContext(TFE_Context *context);
TF_DeviceList *TFE_ContextListDevices(TFE_Context *context, TF_Status *status);

TFE_TensorHandle *TFE_NewTensorHandle(const TF_Tensor *tensor, TF_Status *status);
void TFE_DeleteTensorHandle(TFE_TensorHandle *handle);
TF_DataType TFE_TensorHandleDataType(TFE_TensorHandle *handle);
int TFE_TensorHandleNumDims(TFE_TensorHandle *handle, TF_Status *status);
int64_t TFE_TensorHandleDim(TFE_TensorHandle *handle, int index, TF_Status *status);
TF_Tensor *TFE_TensorHandleResolve(TFE_TensorHandle *handle, TF_Status *status);
TFE_TensorHandle *TFE_TensorHandleCopyToDevice(TFE_TensorHandle *handle, TFE_Context *context, const char *device,
                                               TF_Status *status);

TFE_Op *TFE_NewOp(TFE_Context *context, const char *name, TF_Status *status);
void TFE_DeleteOp(TFE_Op *op);
void TFE_OpAddInput(TFE_Op *op, TFE_TensorHandle *input, TF_Status *status);
void TFE_OpSetAttrString(TFE_Op *op, const char *name, const void *value, size_t length);
void TFE_OpSetAttrInt(TFE_Op *op, const char *name, int64_t value);
void TFE_OpSetAttrIntList(TFE_Op *op, const char *name, const int64_t *values, int num_values);
void TFE_OpSetAttrFloat(TFE_Op *op, const char *name, float value);
void TFE_OpSetAttrFloatList(TFE_Op *op, const char *name, const float *values, int num_values);
void TFE_OpSetAttrBool(TFE_Op *op, const char *name, unsigned char value);
void TFE_OpSetAttrBoolList(TFE_Op *op, const char *name, const unsigned char *values, int num_values);
void TFE_OpSetAttrType(TFE_Op *op, const char *name, TF_DataType value);
void TFE_OpSetAttrShape(TFE_Op *op, const char *name, const int64_t *dims, int num_dims, TF_Status *status);
void TFE_Execute(TFE_Op *op, TFE_TensorHandle **results, int *num_results, TF_Status *status);

#ifdef __cplusplus
}
#endif
#endif
