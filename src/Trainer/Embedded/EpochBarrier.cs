using System.Diagnostics;
using DistSgd.Worker;

namespace DistSgd.Trainer.Embedded;

/// <summary>
/// Where the threads of an embedded training meet at the end of an epoch: the last to come evaluates while the others wait, so that the
/// evaluation sees every push of the epoch and none of the next.
/// </summary>
/// <param name="threads">How many meet.</param>
/// <param name="secondsMax">Seconds of training after which it is over; 0: no bound.</param>
/// <param name="epochDone">Called by the last; false: end here.</param>
internal sealed class EpochBarrier(int threads, double secondsMax, Func<EpochSummary, CancellationToken, Task<bool>> epochDone) : ITrainingObserver
{
    // Runs while threads train; touched by the last to come only.
    private readonly Stopwatch _training = Stopwatch.StartNew();
    private readonly Lock _gate = new();

    // All under _gate.
    private TaskCompletionSource<bool> _opened = NewGate();
    private int _arrived;
    private long _rows;
    private long _rowsBefore;
    private long _steps;
    private double _lossSum;
    private bool _isOver;

    /// <inheritdoc/>
    public bool IsOver => secondsMax > 0 && _training.Elapsed.TotalSeconds >= secondsMax;

    public async ValueTask<bool> EpochDoneAsync(EpochReport report, CancellationToken cancellationToken)
    {
        TaskCompletionSource<bool> gate;
        bool last;
        lock (_gate)
        {
            gate = _opened;
            _rows += report.Rows;
            _lossSum += report.LossSum;
            _steps += report.Clock;
            // One that ends in the middle of an epoch, a step before the others, will not come to the next meeting.
            _isOver |= report.IsLast;
            last = ++_arrived == threads;
        }
        if (!last)
            return await gate.Task.WaitAsync(cancellationToken);
        EpochSummary summary;
        lock (_gate)
        {
            _training.Stop();
            summary = new EpochSummary(report.EpochsDone, _rows, _lossSum, _rowsBefore + _rows, _training.Elapsed.TotalSeconds) { Steps = _steps };
            _rowsBefore += _rows;
            (_arrived, _rows, _lossSum, _steps, _opened) = (0, 0, 0, 0, NewGate());
        }
        bool goesOn = await epochDone(summary, cancellationToken) && !_isOver;
        _training.Start();
        gate.SetResult(goesOn);
        return goesOn;
    }

    private static TaskCompletionSource<bool> NewGate() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
