namespace DistSgd.Kernels.Matrix;

/// <summary>
/// A fixed number of threads that compute one product together, each a part of its rows or columns; the bits are those of one thread. One product at
/// a time; the caller's thread is one of the team. Small products the caller computes alone. Idle threads spin for
/// some microseconds, then sleep.
/// </summary>
public sealed unsafe class MatrixTeam : IDisposable
{
    private const int PanelColumns = 32;
    private const int TileRows = 24; // a multiple of every form's tile
    private const int SpinsMax = 100;

    private const long AloneMax = 1 << 20; // multiply-adds that one thread does sooner than others can be woken

    private readonly Thread[] _threads;
    private readonly SemaphoreSlim[] _sleeping;
    private ProductTask _task;
    private KernelForm _form;
    private bool _byColumns;
    private int _parts;

    // All of the above and this are written by the caller, read by the threads; releasing their semaphores orders it.
    private bool _ended;

    // Counted down by the threads, waited for by the caller: 0 when every other part is done.
    private int _left;

    /// <summary>Starts the threads.</summary>
    /// <param name="threads">Threads with the caller's; 1 to 256.</param>
    /// <exception cref="ArgumentOutOfRangeException">Fewer or more.</exception>
    public MatrixTeam(int threads)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(threads, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(threads, 256);
        _sleeping = [.. Enumerable.Range(1, threads - 1).Select(_ => new SemaphoreSlim(0))];
        _threads = [.. Enumerable.Range(1, threads - 1).Select(part => new Thread(() => Work(part)) { IsBackground = true, Name = "matrix team" })];
        foreach (var thread in _threads) thread.Start();
    }

    /// <summary>Threads with the caller's.</summary>
    public int Threads => _threads.Length + 1;

    /// <summary>C = A·B, as <see cref="MatrixProduct.Set(ReadOnlyMatrixSpan, ReadOnlyMatrixSpan, MatrixSpan)"/>.</summary>
    public void Set(ReadOnlyMatrixSpan a, ReadOnlyMatrixSpan b, MatrixSpan c) => MatrixProduct.Run(KernelForms.Best, a, b, c, [], ChainStart.Zero, this);

    /// <summary>C = 1·bias + A·B, as <see cref="MatrixProduct.Set(ReadOnlyMatrixSpan, ReadOnlyMatrixSpan, ReadOnlySpan{float}, MatrixSpan)"/>.</summary>
    public void Set(ReadOnlyMatrixSpan a, ReadOnlyMatrixSpan b, ReadOnlySpan<float> bias, MatrixSpan c) =>
        MatrixProduct.Run(KernelForms.Best, a, b, c, bias, ChainStart.Bias, this);

    /// <summary>C = C + A·B, as <see cref="MatrixProduct.Add"/>.</summary>
    public void Add(ReadOnlyMatrixSpan a, ReadOnlyMatrixSpan b, MatrixSpan c) => MatrixProduct.Run(KernelForms.Best, a, b, c, [], ChainStart.Present, this);

    /// <summary>Ends the threads.</summary>
    public void Dispose()
    {
        if (_ended) return;
        _ended = true;
        foreach (var sleeping in _sleeping) sleeping.Release();
        foreach (var thread in _threads) thread.Join();
        foreach (var sleeping in _sleeping) sleeping.Dispose();
    }

    internal void Run(KernelForm form, in ProductTask task)
    {
        ObjectDisposedException.ThrowIf(_ended, this);
        if ((long)task.Rows * task.Columns * task.Depth <= AloneMax)
        {
            MatrixProduct.Run(form, task);
            return;
        }

        var panels = (task.Columns + PanelColumns - 1) / PanelColumns;
        _byColumns = panels % Threads == 0;
        _parts = Math.Min(Threads, _byColumns ? panels : (task.Rows + TileRows - 1) / TileRows);
        (_task, _form) = (task, form);
        Volatile.Write(ref _left, _threads.Length);
        foreach (var sleeping in _sleeping) sleeping.Release();
        RunPart(0);
        var spin = default(SpinWait);
        while (Volatile.Read(ref _left) > 0) spin.SpinOnce(-1);
    }

    private void RunPart(int part)
    {
        if (part >= _parts) return;
        if (_byColumns)
        {
            var (first, end) = (Cut(_task.Columns, PanelColumns, part), Cut(_task.Columns, PanelColumns, part + 1));
            MatrixProduct.Run(_form, _task.PartOfColumns(first, end - first));
        }
        else
        {
            var (first, end) = (Cut(_task.Rows, TileRows, part), Cut(_task.Rows, TileRows, part + 1));
            MatrixProduct.Run(_form, _task.PartOfRows(first, end - first));
        }
    }

    // Parts begin at multiples of the unit and differ by one unit at most.
    private int Cut(int length, int unit, int part)
    {
        var units = (length + unit - 1) / unit;
        return Math.Min(length, (int)((long)units * part / _parts) * unit);
    }

    private void Work(int part)
    {
        var sleeping = _sleeping[part - 1];
        while (true)
        {
            var spin = default(SpinWait);
            while (spin.Count < SpinsMax && sleeping.CurrentCount == 0) spin.SpinOnce(-1);
            sleeping.Wait(Timeout.Infinite);
            if (_ended) return;
            RunPart(part);
            Interlocked.Decrement(ref _left);
        }
    }
}
