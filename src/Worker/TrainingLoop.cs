using DistSgd.Learning.Batches;
using DistSgd.Shared.Exchange;
using DistSgd.Shared.Jobs;

namespace DistSgd.Worker;

/// <summary>
/// The one training loop, for every mode and transport: take a block, compute on the parameters pulled for it, push, pull for a later
/// block. Without prefetch the exchange is waited for, and the next block sees it; with prefetch the exchange of one block is under way
/// while the next is computed, and the pull in it is for the block after that.
/// </summary>
public sealed class TrainingLoop : IDisposable
{
    private readonly TrainingJob _job;
    private readonly int _partition;
    private readonly IParameterClient _client;
    private readonly ITrainingObserver _observer;
    private readonly BlockSequence _sequence;
    private readonly BlockComputation _computation;
    private readonly OwnWrites _ownWrites;
    private readonly Round[] _rounds;
    private readonly bool _pulls;
    private readonly long _stepsMax;

    // Whether an epoch's first blocks are pulled when the one before has ended: with snapshots by all workers, as what a snapshot is taken of, and the full gradient, must be whole; by losses, as those of all rows decide.
    private readonly bool _pullsByEpoch;

    // Pulls reach up to here.
    private long _pullEnd;
    private Task _exchange = Task.CompletedTask;

    // Written by the loop only; read by heartbeats from other threads.
    private long _clock;
    private long _rows;
    private long _pushes;

    /// <summary>Makes a loop over a partition's blocks.</summary>
    /// <param name="job">The job.</param>
    /// <param name="blocks">The partition, cut as the job says.</param>
    /// <param name="client">The way to the shards; not disposed with the loop.</param>
    /// <param name="observer">Told of each epoch.</param>
    public TrainingLoop(TrainingJob job, BlockSet blocks, IParameterClient client, ITrainingObserver observer)
    {
        _job = job;
        _partition = blocks.Plan.Partition;
        _client = client;
        _observer = observer;
        _sequence = new BlockSequence(job, blocks);
        _stepsMax = job.StepsMaxOf(_partition);
        _pullsByEpoch = job.SnapshotEvery > 0 || job.Order == RowOrderKind.LargestLoss;
        _clock = job.StepsBefore / job.Partitions;
        int keysMax = blocks.Plan.Compact ? blocks.KeysMax : checked((int)job.KeyCount);
        _computation = new BlockComputation(job, blocks, keysMax);
        int pulled = job.LocalSteps == 0 ? job.Width : job.EntryFloats, pushed = job.KeyFloats.Of(job.PushKind);
        _ownWrites = new OwnWrites(job.KeyCount, pulled);
        // Steps on a replica begin with a copy anyway, a point at which a gradient was computed must stay what it was, and a prefetched one is older than what lies in place.
        ReadOnlyMemory<float>? inPlace = job.PushKind == PushKind.Gradient && job.Prefetch == 0 && !blocks.Plan.Compact ? client.ValuesInPlace : null;
        _pulls = inPlace is null;
        var first = new Round(keysMax, pulled, pushed, client.ShardCount, inPlace);
        // Without prefetch an exchange is over when the next block is computed: one round's buffers, still in the cache, do for all.
        _rounds = [first, job.Prefetch == 0 ? first : new Round(keysMax, pulled, pushed, client.ShardCount, inPlace)];
    }

    /// <summary>Finished steps (mini-batches) of this worker, with its share of those done before. Any thread.</summary>
    public long Clock => Volatile.Read(ref _clock);

    /// <summary>Rows trained, over all epochs. Any thread.</summary>
    public long Rows => Volatile.Read(ref _rows);

    /// <summary>Acknowledged pushes. Any thread.</summary>
    public long Pushes => Volatile.Read(ref _pushes);

    /// <summary>Trains until all epochs, or the steps or seconds that the job is bounded by, are done and acknowledged, or the observer ends it.</summary>
    /// <param name="cancellationToken">Gives up between blocks.</param>
    /// <exception cref="ParameterException">A shard refused or stayed away beyond the client's deadline.</exception>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        _pullEnd = _pullsByEpoch ? _sequence.EpochEnd(_sequence.First) : _sequence.Count;
        if (_sequence.First > 0 && _job.SnapshotEvery > 0 && !IsSnapshot(_sequence.First))
            await ResumeSnapshotAsync(cancellationToken);
        await PullFirstAsync(_sequence.First, cancellationToken);
        double epochLoss = 0;
        long epochRows = 0;
        for (long position = _sequence.First; position < _sequence.Count; position++)
        {
            Round round = At(position);
            BlockResult result = Compute(position, round);
            epochLoss += result.LossSum;
            epochRows += result.Rows;
            await _exchange;
            _exchange = ExchangeAsync(position, round, result, cancellationToken);
            bool isOver = _clock >= _stepsMax || _observer.IsOver;
            bool endsEpoch = isOver || _sequence.EndsEpoch(position);
            if (_job.Prefetch == 0 || endsEpoch)
                await _exchange;
            if (!endsEpoch)
                continue;
            var report = new EpochReport(_partition, _sequence.Epoch(position) + 1, epochRows, epochLoss) { IsLast = isOver || position + 1 == _sequence.Count, Clock = _clock };
            if (!await _observer.EpochDoneAsync(report, cancellationToken) || report.IsLast)
                return;
            (epochLoss, epochRows) = (0, 0);
            if (_pullsByEpoch)
            {
                _pullEnd = _sequence.EpochEnd(position + 1);
                await PullFirstAsync(position + 1, cancellationToken);
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _computation.Dispose();
        foreach (Round round in _rounds)
            round.Dispose();
    }

    private Round At(long position) => _rounds[position % 2];

    private BlockResult Compute(long position, Round round)
    {
        if (_job.Prefetch > 0 && position > _sequence.First && _job.LocalSteps > 0 && !IsSnapshot(position) && !(_pullsByEpoch && _sequence.EndsEpoch(position - 1)))
        {
            ParameterExchange underWay = At(position - 1).Exchange;
            _ownWrites.Add(underWay.PushKeys!, underWay.PushValues.Span, round.Keys, round.Pulled.Span);
        }
        int epoch = _sequence.Epoch(position);
        long step = _clock * _job.Partitions;
        // The parts of one full gradient are known by their epoch.
        round.Exchange.Step = IsSnapshot(position) ? epoch : step;
        return _computation.Compute(round.Block, _partition, epoch, new StepWindow(step, _stepsMax - _clock), round.Parameters.Span, Pushed(position, round).Span);
    }

    private bool IsSnapshot(long position) => _job.IsSnapshot(_sequence.Epoch(position));

    private Memory<float> Pushed(long position, Round round) => round.Pushed(round.Keys, IsSnapshot(position) ? _job.Width : round.PushedFloats);

    private async Task ExchangeAsync(long position, Round round, BlockResult result, CancellationToken cancellationToken)
    {
        ParameterExchange exchange = round.Exchange;
        exchange.PushKeys = round.Keys;
        exchange.PushValues = Pushed(position, round);
        exchange.PushName = new PushName((ulong)_partition, (ulong)position + 1);
        exchange.PushKind = IsSnapshot(position) ? PushKind.Gradient : _job.PushKind;
        exchange.RateSum = result.RateSum;
        round.Versions.CopyTo(exchange.ReadVersions, 0);
        Volatile.Write(ref _clock, _clock + result.Steps);
        Round? target = Target(position + 1 + _job.Prefetch, exchange);
        await _client.ExecuteAsync(exchange, cancellationToken);
        if (target is not null)
            exchange.PulledVersions.CopyTo(target.Versions, 0);
        Volatile.Write(ref _rows, _rows + result.Rows);
        Volatile.Write(ref _pushes, _pushes + 1);
    }

    // The training before this one took the snapshot; its slopes are a function of it and the rows.
    private async Task ResumeSnapshotAsync(CancellationToken cancellationToken)
    {
        int stride = _job.KeyFloats.State, keys = checked((int)_job.KeyCount);
        var exchange = new ParameterExchange(_client.ShardCount) { PullKeys = KeySet.Range(0, keys), PullPart = PullPart.State, Pulled = new float[checked(keys * stride)] };
        await _client.ExecuteAsync(exchange, cancellationToken);
        var values = new float[keys];
        for (int key = 0; key < keys; key++)
            values[key] = exchange.Pulled.Span[key * stride + stride - 1];
        _computation.TakeSnapshot(values, cancellationToken);
    }

    // As many as are computed before the first push can bring more.
    private async Task PullFirstAsync(long first, CancellationToken cancellationToken)
    {
        for (long position = first; position <= first + _job.Prefetch && position < _pullEnd; position++)
        {
            ParameterExchange exchange = At(position).Exchange;
            exchange.PushKeys = null;
            Round target = Target(position, exchange)!;
            await _client.ExecuteAsync(exchange, cancellationToken);
            exchange.PulledVersions.CopyTo(target.Versions, 0);
        }
    }

    // Points the exchange's pull at the round of a later position, if there is one.
    private Round? Target(long position, ParameterExchange exchange)
    {
        exchange.PullKeys = null;
        if (position >= _pullEnd)
            return null;
        Round target = At(position);
        Block block = _sequence[position];
        target.Turn(block, _sequence.Keys(block));
        if (!_pulls)
            return target;
        exchange.PullKeys = target.Keys;
        exchange.PullPart = _job.LocalSteps == 0 ? PullPart.Values : PullPart.Entries;
        exchange.Pulled = target.Pulled;
        return target;
    }
}
