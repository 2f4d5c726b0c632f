using DistSgd.Interop.Tests.Testing;
using Google.Protobuf;
using Grpc.Core;

namespace DistSgd.Interop.Tests;

/// <summary>The service of the interop test cases, on our server: see protos/interop.proto.</summary>
internal sealed class TestService : Testing.TestService.TestServiceBase
{
    public override Task<Empty> EmptyCall(Empty request, ServerCallContext context) => Task.FromResult(new Empty());

    public override async Task<SimpleResponse> UnaryCall(SimpleRequest request, ServerCallContext context)
    {
        CheckEncoding(request.ExpectCompressed, CountingGzip.Counts.Decompressed > 0);
        await EchoMetadataAsync(context, gzip: request.ResponseCompressed is not null);
        ThrowIfAsked(request.ResponseStatus, context);
        ChooseEncoding(context, request.ResponseCompressed);
        return new SimpleResponse { Payload = Zeros(request.ResponseSize) };
    }

    public override async Task<StreamingInputCallResponse> StreamingInputCall(IAsyncStreamReader<StreamingInputCallRequest> requestStream, ServerCallContext context)
    {
        await EchoMetadataAsync(context, gzip: false);
        var bytes = 0;
        var compressed = 0;
        await foreach (var request in requestStream.ReadAllAsync())
        {
            CheckEncoding(request.ExpectCompressed, CountingGzip.Counts.Decompressed > compressed);
            compressed = CountingGzip.Counts.Decompressed;
            bytes += request.Payload.Body.Length;
        }
        return new StreamingInputCallResponse { AggregatedPayloadSize = bytes };
    }

    public override async Task StreamingOutputCall(
        StreamingOutputCallRequest request, IServerStreamWriter<StreamingOutputCallResponse> responseStream, ServerCallContext context)
    {
        await EchoMetadataAsync(context, gzip: request.ResponseParameters.Any(response => response.Compressed is not null));
        await AnswerAsync(request, responseStream, context);
    }

    public override async Task FullDuplexCall(
        IAsyncStreamReader<StreamingOutputCallRequest> requestStream, IServerStreamWriter<StreamingOutputCallResponse> responseStream, ServerCallContext context)
    {
        await EchoMetadataAsync(context, gzip: false);
        await foreach (var request in requestStream.ReadAllAsync())
            await AnswerAsync(request, responseStream, context);
    }

    private static async Task AnswerAsync(StreamingOutputCallRequest request, IServerStreamWriter<StreamingOutputCallResponse> responseStream, ServerCallContext context)
    {
        ThrowIfAsked(request.ResponseStatus, context);
        foreach (var asked in request.ResponseParameters)
        {
            ChooseEncoding(context, asked.Compressed);
            await responseStream.WriteAsync(new StreamingOutputCallResponse { Payload = Zeros(asked.Size) });
        }
    }

    /// <summary>The initial metadata, and what the trailers will hold; the initial metadata also says that responses may be compressed.</summary>
    private static async Task EchoMetadataAsync(ServerCallContext context, bool gzip)
    {
        foreach (var entry in context.RequestHeaders.GetAll("x-grpc-test-echo-trailing-bin"))
            context.ResponseTrailers.Add(entry);
        var initial = new Metadata();
        foreach (var entry in context.RequestHeaders.GetAll("x-grpc-test-echo-initial"))
            initial.Add(entry);
        if (gzip)
            initial.Add("grpc-internal-encoding-request", "gzip");
        if (initial.Count > 0)
            await context.WriteResponseHeadersAsync(initial);
    }

    private static void ChooseEncoding(ServerCallContext context, BoolValue? compressed)
    {
        context.WriteOptions = new WriteOptions(compressed is { Value: false } ? WriteFlags.NoCompress : 0);
        if (compressed is not null)
            CountingGzip.Counts.AskedFor = (CountingGzip.Counts.AskedFor ?? 0) + (compressed.Value ? 1 : 0);
    }

    private static void CheckEncoding(BoolValue? expected, bool isCompressed)
    {
        if (expected is { } wanted && wanted.Value != isCompressed)
            throw new RpcException(new Status(StatusCode.InvalidArgument, $"The request came {(isCompressed ? "compressed" : "plain")}."));
    }

    private static void ThrowIfAsked(EchoStatus? status, ServerCallContext context)
    {
        if (status is null)
            return;
        if (context.RequestHeaders.GetValueBytes("x-test-details-bin") is { } details)
            throw Google.Rpc.Status.Parser.ParseFrom(details).ToRpcException();
        throw new RpcException(new Status((StatusCode)status.Code, status.Message));
    }

    private static Payload Zeros(int bytes) => new() { Body = UnsafeByteOperations.UnsafeWrap(new byte[bytes]) };
}
