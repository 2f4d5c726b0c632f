namespace DistSgd.Grpc.Tests.Hostile;

/// <summary>How many of something there are, and a way to wait for a number. Thread-safe.</summary>
internal sealed class LiveCount
{
    private readonly Lock _gate = new();
    private readonly List<(Predicate<int> IsReached, TaskCompletionSource Source)> _waiting = [];
    private int _live;

    public int Live
    {
        get
        {
            lock (_gate)
                return _live;
        }
    }

    public void Add(int change)
    {
        lock (_gate)
        {
            _live += change;
            foreach (var (isReached, source) in _waiting)
            {
                if (isReached(_live))
                    source.TrySetResult();
            }
        }
    }

    public async Task WhenAsync(Predicate<int> isReached, string what)
    {
        var source = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_gate)
        {
            if (isReached(_live))
                return;
            _waiting.Add((isReached, source));
        }
        try
        {
            await source.Task.WaitAsync(RawPeer.Patience);
        }
        catch (TimeoutException)
        {
            Assert.Fail($"{what}: there are still {Live}.");
        }
    }
}
