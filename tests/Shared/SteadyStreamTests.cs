using System.Buffers;
using DistSgd.Shared.Exchange;
using DistSgd.Shared.Wire;
using Grpc.Core;

namespace DistSgd.Shared.Tests;

/// <summary>What a client's side of a stream allocates, without a transport.</summary>
public sealed class SteadyStreamTests
{
    private const int Exchanges = 100;
    private const int Rounds = 60;
    private const int Warmup = 20;
    private const int PatienceMs = 60_000;

    // The fake transport's own, for each round's message of answers: a task and what resumes its reader.
    private const int BytesARoundMax = 512;

    [Fact]
    public async Task Stream_InSteadyState_AllocatesNothingAnExchange()
    {
        // All continuations stay on this thread.
        SynchronizationContext.SetSynchronizationContext(null);
        var wire = new Loopback();
        var client = new GrpcParameterClient("job", new KeyFloats(1, 1, 1), [new Exchange.ShardPlacement(0, new Sharding.KeyRange(0, 64), "nowhere")], new GrpcClientOptions(), wire);
        ParameterExchange[] exchanges = [.. Enumerable.Range(0, Exchanges).Select(_ => new ParameterExchange(1)
        {
            PushKind = PushKind.Delta,
            PushKeys = KeySet.List([1, 9]),
            PushValues = new float[2],
            PullKeys = KeySet.Range(0, 16),
            Pulled = new float[16],
        })];
        var tasks = new ValueTask[Exchanges];
        long before = 0;
        for (int round = 0; round < Rounds; round++)
        {
            if (round == Warmup)
                before = GC.GetAllocatedBytesForCurrentThread();
            for (int i = 0; i < Exchanges; i++)
            {
                exchanges[i].PushName = new PushName(1, (ulong)(round * Exchanges + i + 1));
                tasks[i] = client.ExecuteAsync(exchanges[i], CancellationToken.None);
            }
            wire.AnswerAll(Exchanges);
            foreach (ValueTask task in tasks)
            {
                Assert.True(task.IsCompleted);
                await task;
            }
        }
        long bytes = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.True(bytes < (Rounds - Warmup) * BytesARoundMax, $"{bytes} bytes for {(Rounds - Warmup) * Exchanges} exchanges");
    }

    /// <summary>A server that answers on demand, with values of 0, without a wire.</summary>
    private sealed class Loopback : CallInvoker
    {
        public Action<int> AnswerAll { get; private set; } = null!;

        public override AsyncDuplexStreamingCall<TRequest, TResponse> AsyncDuplexStreamingCall<TRequest, TResponse>(Method<TRequest, TResponse> method, string? host, CallOptions options)
        {
            var call = new Call<TRequest, TResponse>(method);
            AnswerAll = call.AnswerAll;
            return new AsyncDuplexStreamingCall<TRequest, TResponse>(call, call, Task.FromResult(new Metadata()), () => Status.DefaultSuccess, () => [], () => { });
        }

        public override TResponse BlockingUnaryCall<TRequest, TResponse>(Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request) => throw new NotSupportedException();

        public override AsyncUnaryCall<TResponse> AsyncUnaryCall<TRequest, TResponse>(Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request) => throw new NotSupportedException();

        public override AsyncServerStreamingCall<TResponse> AsyncServerStreamingCall<TRequest, TResponse>(Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request) => throw new NotSupportedException();

        public override AsyncClientStreamingCall<TRequest, TResponse> AsyncClientStreamingCall<TRequest, TResponse>(Method<TRequest, TResponse> method, string? host, CallOptions options) => throw new NotSupportedException();
    }

    private sealed class Call<TRequest, TResponse>(Method<TRequest, TResponse> method) : SerializationContext, IClientStreamWriter<TRequest>, IAsyncStreamReader<TResponse>, IBufferWriter<byte>
        where TRequest : class
        where TResponse : class
    {
        private readonly byte[] _sent = new byte[1 << 20];
        private readonly OutgoingFrames _answers = new();
        private readonly Payload _payload = new();
        private volatile TaskCompletionSource<bool>? _more;
        private ulong _lastId;
        private ulong _lastAnswered;
        private int _length;
        private bool _isWelcomed;

        public WriteOptions? WriteOptions { get; set; }

        public TResponse Current { get; private set; } = null!;

        /// <summary>The message is written, and thrown away.</summary>
        public Task WriteAsync(TRequest message)
        {
            _length = 0;
            method.RequestMarshaller.ContextualSerializer(message, this);
            Volatile.Write(ref _lastId, _lastId + (ulong)((message as OutgoingExchanges)?.Count ?? 0));
            return Task.CompletedTask;
        }

        public Task CompleteAsync() => Task.CompletedTask;

        public Task<bool> MoveNext(CancellationToken cancellationToken)
        {
            if (_isWelcomed)
            {
                _more = new TaskCompletionSource<bool>();
                return _more.Task;
            }
            _isWelcomed = true;
            _answers.Welcome(ParametersContract.StreamVersion, new StreamCredit(1024, 1 << 22, 100, 1 << 20, 1 << 20));
            Hand();
            return Task.FromResult(true);
        }

        /// <summary>Waits until so many more exchanges have come, answers them, and waits until the client has read it and asks for more.</summary>
        public void AnswerAll(int count)
        {
            ulong last = _lastAnswered + (ulong)count;
            TaskCompletionSource<bool>? asked = null;
            long started = Environment.TickCount64;
            for (var wait = new SpinWait(); Volatile.Read(ref _lastId) < last || (asked = _more) is null; wait.SpinOnce())
                Assert.True(Environment.TickCount64 - started < PatienceMs, "the exchanges were not sent, or nobody reads the answers");
            while (_lastAnswered < last)
            {
                _answers.BeginAnswer(++_lastAnswered, duplicate: false, 16).Clear();
                _answers.EndAnswer((long)_lastAnswered);
            }
            Hand();
            asked.SetResult(true);
            for (var wait = new SpinWait(); _more == asked; wait.SpinOnce())
                Assert.True(Environment.TickCount64 - started < PatienceMs, "the answers were not read");
        }

        public override void Complete()
        {
        }

        public override void Complete(byte[] payload) => throw new NotSupportedException();

        public override void SetPayloadLength(int payloadLength)
        {
        }

        public override IBufferWriter<byte> GetBufferWriter() => this;

        public void Advance(int count) => _length += count;

        public Memory<byte> GetMemory(int sizeHint = 0) => _sent.AsMemory(_length);

        public Span<byte> GetSpan(int sizeHint = 0) => _sent.AsSpan(_length);

        private void Hand()
        {
            _payload.Take(_answers);
            Current = method.ResponseMarshaller.ContextualDeserializer(_payload);
            _answers.Clear(int.MaxValue);
        }
    }

    private sealed class Payload : DeserializationContext
    {
        private readonly byte[] _bytes = new byte[1 << 20];
        private int _length;

        public override int PayloadLength => _length;

        public void Take(OutgoingFrames frames)
        {
            frames.Written.CopyTo(_bytes);
            _length = frames.Length;
        }

        public override byte[] PayloadAsNewBuffer() => throw new NotSupportedException();

        public override ReadOnlySequence<byte> PayloadAsReadOnlySequence() => new(_bytes, 0, _length);
    }
}
