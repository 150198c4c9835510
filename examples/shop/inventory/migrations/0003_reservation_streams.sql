-- What an order holds is a stream of events from now on. The table is what the version before writes; it goes with the next.
-- Orders of before become streams. What was published of them was published then, so these events stay here.
do $$
declare
  v_order record;
  v_stream text;
begin
  for v_order in
    select order_id, tenant, min(state) as state,
           json_agg(json_build_object('sku', sku, 'quantity', quantity) order by sku) as lines
      from reservation group by order_id, tenant order by order_id
  loop
    v_stream := 'reservation-' || replace(replace(v_order.tenant, '%', '%25'), '/', '%2F') || '/' || v_order.order_id;
    perform fairlead_log_append(
      v_stream, -1,
      case v_order.state when 'held' then array[v_order.order_id || '-held']
                         else array[v_order.order_id || '-held', v_order.order_id || '-' || v_order.state] end,
      case v_order.state when 'held' then array['reservation.held']
                         else array['reservation.held', 'reservation.' || v_order.state] end,
      case v_order.state when 'held' then '{1}'::integer[] else '{1,1}'::integer[] end,
      case v_order.state when 'held' then array[v_order.order_id] else array[v_order.order_id, v_order.order_id] end,
      case v_order.state
        when 'held' then array[json_build_object('lines', v_order.lines)::text]
        when 'taken' then array[json_build_object('lines', v_order.lines)::text, '{}']
        else array[json_build_object('lines', v_order.lines)::text, json_build_object('lines', v_order.lines)::text]
      end, null,
      v_order.tenant, null, '00-' || md5(v_order.order_id) || '-' || left(md5(v_order.order_id || 'r'), 16) || '-00',
      v_order.order_id, null, 'default',
      case v_order.state when 'held' then '{true}'::boolean[] else '{true,true}'::boolean[] end);
  end loop;
end $$;
