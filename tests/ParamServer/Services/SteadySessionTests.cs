using System.Buffers;
using DistSgd.ParamServer.Services;
using DistSgd.ParamServer.Shards;
using DistSgd.Protos.V1;
using DistSgd.Shared.Sharding;
using DistSgd.Shared.Wire;
using Google.Protobuf;
using Grpc.Core;
using Push = DistSgd.Protos.V1.Push;
using ShardPlacement = DistSgd.Shared.Exchange.ShardPlacement;
using Wire = DistSgd.Protos.V1;

namespace DistSgd.ParamServer.Tests.Services;

/// <summary>What a server's side of a stream allocates, without a transport.</summary>
public sealed class SteadySessionTests
{
    private const int Messages = 2_000;
    private const int Warmup = 1_100;
    private const int ExchangesAMessage = 4;

    [Fact]
    public void Session_InSteadyState_AllocatesNothingAnExchange()
    {
        var shards = new ShardRegistry(1 << 20);
        var job = Jobs.Make(63);
        shards.Activate(job, [new ShardPlacement(0, new KeyRange(0, job.KeyCount), "")]);
        using var session = new StreamSession(shards, new StreamBudget(new ServerLimits(), TimeProvider.System), TimeProvider.System);
        var wire = new Replay();
        Task run = session.RunAsync(wire, wire, CancellationToken.None);
        Assert.True(run.IsCompletedSuccessfully, run.Exception?.ToString());
        Assert.Equal(1 + (Messages - 1) * ExchangesAMessage, wire.Frames);
        Assert.True(wire.Allocated < (Messages - Warmup) * ExchangesAMessage, $"{wire.Allocated} bytes for {(Messages - Warmup) * ExchangesAMessage} exchanges");
    }

    /// <summary>Gives messages that were made before, and looks at the answers.</summary>
    private sealed class Replay : DeserializationContext, IAsyncStreamReader<IncomingFrames>, IServerStreamWriter<OutgoingFrames>
    {
        private static readonly Task<bool> More = Task.FromResult(true), End = Task.FromResult(false);

        private readonly byte[][] _messages = [.. Enumerable.Range(0, Messages).Select(Message)];
        private int _next;
        private long _before;

        public long Allocated { get; private set; }

        public int Frames { get; private set; }

        public WriteOptions? WriteOptions { get; set; }

        public override int PayloadLength => _messages[_next - 1].Length;

        public IncomingFrames Current => IncomingFrames.Deserialize(this);

        public Task<bool> MoveNext(CancellationToken cancellationToken)
        {
            if (_next == Warmup)
                _before = GC.GetAllocatedBytesForCurrentThread();
            else if (_next == Messages)
                Allocated = GC.GetAllocatedBytesForCurrentThread() - _before;
            return _next++ < Messages ? More : End;
        }

        public Task WriteAsync(OutgoingFrames message)
        {
            Frames += _next == 1 || !message.Written.IsEmpty ? (_next == 1 ? 1 : ExchangesAMessage) : 0;
            return Task.CompletedTask;
        }

        public override byte[] PayloadAsNewBuffer() => throw new NotSupportedException();

        public override ReadOnlySequence<byte> PayloadAsReadOnlySequence() => new(_messages[_next - 1]);

        private static byte[] Message(int number)
        {
            var frames = new ClientFrames();
            if (number == 0)
                frames.Frames.Add(new ClientFrame { Hello = new Hello { Job = "job", Version = 1 } });
            for (int i = 0; number > 0 && i < ExchangesAMessage; i++)
            {
                ulong id = (ulong)(number * ExchangesAMessage + i);
                var keys = new Wire.ShardKeys { Count = 2, Keys = ByteString.CopyFrom(1, 0, 0, 0, 9, 0, 0, 0) };
                var push = new Push { Name = new Wire.PushName { Source = 1, Sequence = id }, Kind = Wire.PushKind.Delta, Keys = keys, Values = ByteString.CopyFrom(new byte[8]) };
                frames.Frames.Add(new ClientFrame { Exchange = new StreamExchange { Id = id, Push = push, Pull = new Pull { Keys = new Wire.ShardKeys { Count = 64 } } } });
            }
            return frames.ToByteArray();
        }
    }
}
