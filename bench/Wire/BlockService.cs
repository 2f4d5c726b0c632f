using System.Collections.Concurrent;
using DistSgd.Bench.Wire.V1;
using Grpc.Core;

namespace DistSgd.Bench.Wire;

/// <summary>Takes and gives vectors as raw payloads.</summary>
[BindServiceMethod(typeof(BlockService), nameof(Bind))]
internal class BlockService(BlockStore store)
{
    private const string ServiceName = "distsgd.bench.v1.Blocks";

    private static readonly Marshaller<Count> Counts = Marshallers.Create(
        count => Google.Protobuf.MessageExtensions.ToByteArray(count), bytes => Count.Parser.ParseFrom(bytes));

    public static Method<FloatBlock, FloatBlock> PushMethod { get; } = new(MethodType.Unary, ServiceName, nameof(Push), FloatBlock.Marshaller, FloatBlock.Marshaller);

    public static Method<Count, FloatBlock> PullMethod { get; } = new(MethodType.Unary, ServiceName, nameof(Pull), Counts, FloatBlock.Marshaller);

    public static void Bind(ServiceBinderBase binder, BlockService? service)
    {
        binder.AddMethod(PushMethod, service is null ? null : new UnaryServerMethod<FloatBlock, FloatBlock>(service.Push));
        binder.AddMethod(PullMethod, service is null ? null : new UnaryServerMethod<Count, FloatBlock>(service.Pull));
    }

    public virtual Task<FloatBlock> Push(FloatBlock request, ServerCallContext context)
    {
        request.Return();
        return store.Nothing;
    }

    public virtual Task<FloatBlock> Pull(Count request, ServerCallContext context) =>
        Task.FromResult(new FloatBlock { Values = store.Values, Count = request.Floats });
}

/// <summary>What the server gives out.</summary>
internal sealed class BlockStore
{
    public const int FloatsMax = 4 << 20;

    public float[] Values { get; } = [.. Enumerable.Range(0, FloatsMax).Select(i => (float)i)];

    private readonly ConcurrentDictionary<int, float[]> _prefixes = new();

    /// <summary>The first values as an array of their own, made once a length: protobuf copies whole arrays fastest.</summary>
    public float[] Prefix(int floats) => _prefixes.GetOrAdd(floats, count => Values[..count]);

    public Task<FloatBlock> Nothing { get; } = Task.FromResult(new FloatBlock());
}

/// <summary>The same as ordinary protobuf.</summary>
internal sealed class ProtobufService(BlockStore store) : V1.WireBench.WireBenchBase
{
    public override Task<Count> PushFloats(Floats request, ServerCallContext context) => Task.FromResult(new Count { Floats = request.Values.Count });

    public override Task<Floats> PullFloats(Count request, ServerCallContext context)
    {
        var floats = new Floats();
        floats.Values.AddRange(store.Prefix(request.Floats));
        return Task.FromResult(floats);
    }

    public override Task<Small> Ping(Small request, ServerCallContext context) => Task.FromResult(request);

    public override Task<Usage> GetUsage(Count request, ServerCallContext context) => Task.FromResult(new Usage
    {
        AllocatedBytes = GC.GetTotalAllocatedBytes(precise: true),
        ProcessorSeconds = Environment.CpuUsage.TotalTime.TotalSeconds,
    });
}
