using Grpc.Core;

namespace Grpc.AspNetCore.Server;

/// <summary>Takes memory of the bound of messages, where a host has one, for responses that aren't made yet.</summary>
public static class ResponseReservation
{
    /// <summary>Takes the bytes of a response before it is made: a call that changes something and then answers is refused before it has changed anything.</summary>
    /// <param name="context">The call.</param>
    /// <param name="bytes">What the response will have, about; at least 0.</param>
    /// <exception cref="RpcException">ResourceExhausted: other calls hold too much.</exception>
    public static void ReserveResponse(this ServerCallContext context, long bytes)
    {
        ArgumentNullException.ThrowIfNull(context);
        (context as IBoundedCall)?.ReserveResponse(bytes);
    }
}

/// <summary>A call whose response can be reserved.</summary>
internal interface IBoundedCall
{
    void ReserveResponse(long bytes);
}
